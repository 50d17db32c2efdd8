#include "train/jobs/gaps.h"

#include <cstdio>

#include "arch/family_spec.h"
#include "base/range.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "train/modules/weights_io.h"
#include "train/run/measure.h"

namespace starnest::train {

std::vector<Gap> measure_gaps(const GapSettings& settings) {
  use_threads(settings.threads);
  require_at_least("--problems", settings.problems, 1);
  const FamilySpec family = read_family(settings.model);
  if (family.sizes.largest() < 2)
    throw Error({.where = settings.model, .what = "has one size only", .expected = "a family of at least two sizes"});
  const Weights weights = read_weights(settings.model, family.spec);
  DevData dev;
  dev.sets = dev_sets(settings.families, tasks::Split::development,
                      size_t(settings.problems) * settings.families.size(), 1, {settings.k_low, settings.k_high});
  const Measured large = measure(weights, SizeContext::narrow(family.largest().widths), dev);
  const Measured small = measure(weights, SizeContext::narrow(family.sizes.at(1).widths), dev);

  std::vector<Gap> gaps;
  Accuracy long_large, long_small;  // of this family
  for (size_t i = 0; i < dev.sets.size(); ++i) {
    const auto& [family_name, way, l_measured] = large.sets[i];
    if (way == "none") continue;
    Accuracy l = l_measured, s = small.sets[i].accuracy;
    if (way == "long") long_large = l, long_small = s;
    if (way == "cut") l.trace = long_large.trace, s.trace = long_small.trace;  // the end of thinking is forced
    gaps.push_back({family_name, way, l.trace, s.trace, l.answer, s.answer});
  }
  return gaps;
}

void print_gaps(const GapSettings& settings) {
  const std::vector<Gap> gaps = measure_gaps(settings);
  print(stdout, "%-8s %-6s %20s %20s %8s   small thinks, large answers\n", "family", "way", "trace large / small",
        "answer large / small", "gap");
  for (const Gap& gap : gaps)
    print(stdout, "%-8s %-6s %11.1f / %6.1f %11.1f / %6.1f %8.1f   %s\n", gap.family.c_str(), gap.way.c_str(),
          100 * gap.trace_large, 100 * gap.trace_small, 100 * gap.answer_large, 100 * gap.answer_small,
          100 * (gap.answer_large - gap.answer_small), gap.small_thinks_large_answers() ? "yes" : "no");
  print(stdout,
        "\nPercent of the development problems, teacher-forced. yes: the answer gains at least %.0f points from the "
        "large size\nand the trace at most %.0f.\n",
        100 * Gap::kAnswerGap, 100 * Gap::kTraceGap);
}

}  // namespace starnest::train
