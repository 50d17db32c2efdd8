// One elastic run against a separate distillation of each size.
#include "train/studies/studies.h"
#include "train/studies/study_jobs.h"

namespace starnest::train {
namespace {

class TwinsStudy : public Study {
 public:
  explicit TwinsStudy(const StudySettings& settings) : settings_(settings), jobs_(settings) {}

  std::string question() const override {
    return "Is a size of one elastic run as good as the same size distilled alone, (a) at equal passes per size and "
           "(b) "
           "at equal passes for the family (the elastic run also trains the full size, which the twins get for free)?";
  }
  int units() const override { return settings_.seeds; }

  std::vector<Claim> claims() const override {
    return {{"(a) the small size equals its twin", "elastic", "twins (a)", "small"},
            {"(a) the medium size equals its twin", "elastic", "twins (a)", "medium"},
            {"(b) the small size trails its twin", "elastic", "twins (b)", "small"},
            {"(b) the medium size equals its twin", "elastic", "twins (b)", "medium"}};
  }

  std::vector<Job> jobs(int seed) const override {
    const std::vector<NamedSize> family = StudyJobs::family_of(jobs_.uniform_sizes());
    std::vector<Job> all{jobs_.parent(seed), jobs_.ranked(seed, "sorted"),
                         jobs_.elastic(seed, "uniform", "sorted", family, settings_.steps)};
    for (const NamedSize& size : jobs_.uniform_sizes()) {
      all.push_back(jobs_.elastic(seed, "twin-" + size.name, "sorted", {size}, settings_.steps));
      all.push_back(jobs_.elastic(seed, "twin-long-" + size.name, "sorted", {size}, family_steps()));
    }
    return all;
  }

  std::vector<Arm> arms(int seed) const override {
    std::vector<Arm> all{{"elastic", {}}, {"twins (a)", {}}, {"twins (b)", {}}};
    for (const NamedSize& size : jobs_.uniform_sizes()) {
      all[0].sources.push_back({size.name, jobs_.of(seed, "uniform"), size.name, false});
      all[1].sources.push_back({size.name, jobs_.of(seed, "twin-" + size.name), size.name, false});
      all[2].sources.push_back({size.name, jobs_.of(seed, "twin-long-" + size.name), size.name, false});
    }
    return all;
  }

 private:
  // Of each twin, so that all twins make as many passes as the elastic run.
  int family_steps() const {
    const int twins = int(jobs_.uniform_sizes().size());
    return settings_.steps * (twins + 1) / twins;
  }

  StudySettings settings_;
  StudyJobs jobs_;
};

}  // namespace

std::unique_ptr<Study> twins_study(const StudySettings& settings) { return std::make_unique<TwinsStudy>(settings); }

}  // namespace starnest::train
