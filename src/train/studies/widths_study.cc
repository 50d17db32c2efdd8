// What each part of the method is worth: ranking, joint training, the router, and starting from a parent.
#include "train/studies/studies.h"
#include "train/studies/study_jobs.h"

namespace starnest::train {
namespace {

class WidthsStudy : public Study {
 public:
  explicit WidthsStudy(const StudySettings& settings) : settings_(settings), jobs_(settings) {}

  std::string question() const override {
    return "Which way of making nested sizes loses least at 0.75 and 0.5 of the active parameters, at equal passes?";
  }
  int units() const override { return settings_.seeds; }

  std::vector<Claim> claims() const override {
    return {{"joint training recovers what truncation loses", "uniform", "truncated", "small"},
            {"ranked channels beat a random order", "uniform", "random order", "small"},
            {"the router's widths beat uniform ones", "router", "uniform", "small"},
            {"distilling a parent beats small models from scratch", "uniform", "from scratch", "small"},
            {"distilling a parent beats nested training from scratch", "uniform", "nested from scratch", "small"},
            {"principal axes of the residual beat picked channels", "rotated", "uniform", "small"}};
  }

  std::vector<Job> jobs(int seed) const override {
    const std::vector<NamedSize> family = StudyJobs::family_of(jobs_.uniform_sizes());
    Job untrained = jobs_.parent(seed);
    untrained.name = jobs_.of(seed, "untrained");
    untrained.arguments = {"pretrain", "--out",  jobs_.path(untrained.name), "--steps",
                           "0",        "--seed", std::to_string(seed)};
    std::vector<Job> all{
        jobs_.parent(seed),
        jobs_.ranked(seed, "sorted"),
        jobs_.elastic(seed, "uniform", "sorted", family, settings_.steps),
        jobs_.searched(seed, "router", "sorted"),
        jobs_.ranked(seed, "shuffled", {"--order", "random"}),
        jobs_.elastic(seed, "random", "shuffled", family, settings_.steps),
        jobs_.ranked(seed, "turned", {"--rotate"}),
        jobs_.elastic(seed, "rotated", "turned", family, settings_.steps),
        untrained,
        jobs_.elastic(seed, "nested", "sorted", family, settings_.steps,
                      {"--student", jobs_.path(untrained.name), "--cross-entropy", "1", "--warm-up", "100"})};
    for (const NamedSize& size : jobs_.uniform_sizes())
      all.push_back(jobs_.from_scratch(seed, "scratch-" + size.name, size, settings_.steps));
    return all;
  }

  std::vector<Arm> arms(int seed) const override {
    std::vector<Arm> all{{"uniform", sizes_of(seed, "uniform")},
                         {"truncated", sizes_of(seed, "uniform", true)},
                         {"router", sizes_of(seed, "router")},
                         {"random order", sizes_of(seed, "random")},
                         {"from scratch", {}},
                         {"nested from scratch", sizes_of(seed, "nested")},
                         {"rotated", sizes_of(seed, "rotated")}};
    for (const NamedSize& size : jobs_.uniform_sizes())
      all[4].sources.push_back({size.name, jobs_.of(seed, "scratch-" + size.name), "", false});
    return all;
  }

 private:
  std::vector<Source> sizes_of(int seed, const std::string& job, bool before = false) const {
    std::vector<Source> sources;
    for (const char* size : {"large", "medium", "small"}) sources.push_back({size, jobs_.of(seed, job), size, before});
    return sources;
  }

  StudySettings settings_;
  StudyJobs jobs_;
};

}  // namespace

std::unique_ptr<Study> widths_study(const StudySettings& settings) { return std::make_unique<WidthsStudy>(settings); }

}  // namespace starnest::train
