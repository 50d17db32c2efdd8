// The runs that studies share.
#pragma once

#include <filesystem>

#include "train/router/chains.h"
#include "train/studies/study.h"

namespace starnest::train {

struct NamedSize {
  std::string name;
  std::string text;  // as --size has it after the name
};

class StudyJobs {
 public:
  explicit StudyJobs(const StudySettings& settings);

  // "seed1/NAME"
  static std::string of(int seed, const std::string& name) { return "seed" + std::to_string(seed) + "/" + name; }
  std::string path(const std::string& job) const { return (std::filesystem::path(settings_.out) / job).string(); }
  bool done(const Job& job) const;

  static std::vector<NamedSize> family_of(const std::vector<NamedSize>& sizes);  // with the full size, "large", first

  Job parent(int seed) const;
  Job ranked(int seed, const std::string& name, const std::vector<std::string>& options = {}) const;
  // A run of sizes from the job `model`; `options` are further flags.
  Job elastic(int seed, const std::string& name, const std::string& model, const std::vector<NamedSize>& sizes,
              int steps, const std::vector<std::string>& options = {}) const;
  Job searched(int seed, const std::string& name, const std::string& model) const;  // widths by the router
  Job cells(int seed, const std::string& name, const std::string& model) const;
  // A small model of its own, with the widths of a size.
  Job from_scratch(int seed, const std::string& name, const NamedSize& size, int steps) const;

  // Of the budgets 0.75 and 0.5: the feasible chain whose axes are cut most alike.
  const std::vector<NamedSize>& uniform_sizes() const { return uniform_; }
  // Of measured cells: the `count` feasible chains with the least sum of KL, each as sizes "medium" and "small".
  std::vector<std::vector<NamedSize>> best_chains_of(const std::string& cells, size_t count) const;
  std::vector<NamedSize> sizes_in(const std::string& job) const;  // of a family, without the full one

 private:
  std::vector<std::string> data_flags(int seed) const;
  std::vector<std::string> run_words(const std::string& job, int seed, const std::string& name, int steps) const;

  StudySettings settings_;
  ModelSpec spec_;  // of the study model
  Choices choices_;
  std::vector<NamedSize> uniform_;
};

}  // namespace starnest::train
