// The router against every feasible chain, and against uniform widths.
#include "train/studies/studies.h"
#include "train/studies/study_jobs.h"

namespace starnest::train {
namespace {

constexpr size_t kTried = 8;

class SearchStudy : public Study {
 public:
  explicit SearchStudy(const StudySettings& settings) : settings_(settings), jobs_(settings) {}

  std::string question() const override {
    return "Does the router find widths as good as those of the exhaustive search (all feasible chains by KL without "
           "training, the 8 best trained a little)? All of them are trained equally briefly here.";
  }
  int units() const override { return settings_.seeds; }

  std::vector<Claim> claims() const override {
    return {{"the router equals the best of the chains that KL without training puts first", "router", "best of 8",
             "small"},
            {"the router beats uniform widths", "router", "uniform", "small"},
            {"the chain with the least KL without training is already as good as the best of 8", "first by KL",
             "best of 8", "small"}};
  }

  std::vector<Job> jobs(int seed) const override {
    std::vector<Job> all{jobs_.parent(seed), jobs_.ranked(seed, "sorted"), jobs_.searched(seed, "router", "sorted"),
                         jobs_.cells(seed, "cells", "sorted"), brief(seed, "brief-uniform", jobs_.uniform_sizes())};
    if (jobs_.done(all[2])) all.push_back(brief(seed, "brief-router", jobs_.sizes_in(jobs_.of(seed, "router"))));
    if (jobs_.done(all[3])) {
      const auto chains = jobs_.best_chains_of(jobs_.of(seed, "cells"), kTried);
      for (size_t c = 0; c < chains.size(); ++c) all.push_back(brief(seed, chain_name(c), chains[c]));
    }
    return all;
  }

  std::vector<Arm> arms(int seed) const override {
    const size_t chains = jobs_.best_chains_of(jobs_.of(seed, "cells"), kTried).size();
    size_t best = 0;
    for (size_t c = 1; c < chains; ++c)
      if (kl_after(seed, c) < kl_after(seed, best)) best = c;
    return {arm(seed, "router", "brief-router"), arm(seed, "uniform", "brief-uniform"),
            arm(seed, "first by KL", chain_name(0)), arm(seed, "best of 8", chain_name(best))};
  }

 private:
  static std::string chain_name(size_t number) { return "chain" + std::to_string(number + 1); }

  Job brief(int seed, const std::string& name, const std::vector<NamedSize>& sizes) const {
    return jobs_.elastic(seed, name, "sorted", StudyJobs::family_of(sizes), settings_.short_steps);
  }

  Arm arm(int seed, const std::string& name, const std::string& job) const {
    Arm arm{name, {}};
    for (const char* size : {"medium", "small"}) arm.sources.push_back({size, jobs_.of(seed, job), size, false});
    return arm;
  }

  double kl_after(int seed, size_t chain) const {
    double sum = 0;
    for (const char* size : {"medium", "small"})
      sum += outcome_of(settings_.out, {size, jobs_.of(seed, chain_name(chain)), size, false}).kl;
    return sum;
  }

  StudySettings settings_;
  StudyJobs jobs_;
};

}  // namespace

std::unique_ptr<Study> search_study(const StudySettings& settings) { return std::make_unique<SearchStudy>(settings); }

}  // namespace starnest::train
