// The options that choose sizes, budgets and sampling, the same for every subcommand that generates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "starnest/family.h"

namespace starnest::cli {

class PlanOptions {
 public:
  Plan plan;  // defaults of the subcommand; after parsing, the numbers that the user gave. resolved() adds the rest

  // `shorthands`: the short forms of the options, e.g. {"max-tokens", "-n"}. `app` must outlive this.
  void add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands);

  // What the user gave; without stages where that is the family's default. Throws Error for what is not understood.
  Plan resolved(const Family& family) const;
  std::vector<std::string> sizes() const;  // that the plan names; empty: it does not name every one
  // For OpenOptions: those of --sizes, else those of the plan.
  std::vector<std::string> sizes_to_load() const { return sizes_.empty() ? sizes() : sizes_; }
  const std::vector<std::string>& sizes_given() const { return sizes_; }  // --sizes
  // Throws Error for what was given of generating: all but the sizes.
  void refuse_beside_likelihood() const;
  // What the user gave, else what the model's folder says. Seed::random draws a seed where
  // one is needed and none was given.
  enum class Seed { as_given, random };
  Sampling sampling(const Sampling& of_model, Seed seed) const;

 private:
  std::vector<Stage> named() const;  // without --switch-size
  Until switch_rule() const;

  CLI::App* app_ = nullptr;
  std::vector<std::string> sizes_;
  std::string stages_, size_;  // all stages; one size for everything
  std::string think_size_, answer_size_, switch_size_;
  int switch_after_ = -1;
  float switch_entropy_ = -1;
  std::string hand_over_ = "recompute";
  Sampling given_;
};

}  // namespace starnest::cli
