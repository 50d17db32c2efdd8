// The development metric of training, which generates nothing, against generation by the engine on the same problems.
#include "train/distill/dev_metric.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "arch/family_spec.h"
#include "eval/task_accuracy.h"
#include "starnest/family.h"
#include "train/modules/weights_io.h"

namespace starnest::train {
namespace {

constexpr int kProblems = 500;

struct Case {
  const char* way;
  tasks::Effort effort;
};

class DevMetric : public testing::TestWithParam<Case> {};

// Right is what generates the gold trace and the gold answer. Rounding differs between the two, so that a near tie may
// fall either way: one problem may differ.
TEST_P(DevMetric, AgreesWithGeneration) {
  const std::filesystem::path folder = std::filesystem::path(STARNEST_SOURCE_DIR) / "models" / "pocket";
  const FamilySpec spec = read_family(folder);
  const Weights weights = read_weights(folder, spec.spec);
  const starnest::Family family = starnest::Family::open(folder, {.threads = 1});
  for (const Size& size : spec.sizes.ascending()) {
    double without = -1;
    for (const DevSet& set : dev_sets({"r"}, tasks::Split::development, kProblems, 1))
      if (set.way == std::string(GetParam().way))
        without = accuracy(weights, SizeContext::narrow(size.widths), set).whole * kProblems;
    const TaskQuestionSet questions{
        .effort = GetParam().effort, .split = tasks::Split::development, .count = kProblems, .seed = 1};
    const Plan plan{.think_size = size.name, .answer_size = size.name, .answer_reserve = 8, .max_tokens = 128};
    const TaskAccuracy generated =
        task_accuracy(family, questions, {.plan = plan, .sampling = {.temperature = 0}, .parallel = 64});
    int right = 0;
    for (const TaskRecord& record : generated.records)
      right +=
          record.right && record.thinking == tasks::make_sample(record.problem, GetParam().effort).trace + "</think>";
    EXPECT_NEAR(without, right, 1.01) << size.name;
    EXPECT_GT(right, 0) << size.name;
    std::printf("%s %s: %d of %d\n", size.name.c_str(), GetParam().way, right, kProblems);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, DevMetric,
                         testing::Values(Case{"none", tasks::Effort::none}, Case{"terse", tasks::Effort::terse},
                                         Case{"long", tasks::Effort::full}),
                         [](const auto& parameter) { return std::string(parameter.param.way); });

}  // namespace
}  // namespace starnest::train
