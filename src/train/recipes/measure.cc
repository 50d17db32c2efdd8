#include "train/recipes/measure.h"

#include "core/base/check.h"
#include "core/base/range.h"
#include "core/base/text.h"

namespace starnest::train {
namespace {

std::string percent(double share) { return format_number("%.1f", 100 * share); }

}  // namespace

void use_threads(int threads) {
  require_range("--threads", threads, 1, 1024);  // a mistyped number must not exhaust the system
  torch::set_num_threads(threads);
  at::globalContext().setFlushDenormal(true);
}

bool is_due(int64_t step, int every, int64_t steps) { return step == steps || (every > 0 && step % every == 0); }

Measured measure(const Weights& weights, const SizeContext& size, const std::vector<DevSet>& sets) {
  Measured measured;
  for (const DevSet& set : sets) measured.push_back({set.family, set.way, accuracy(weights, size, set)});
  return measured;
}

Accuracy mean_of(const Measured& measured, const std::string& way) {
  Accuracy sum;
  double families = 0;
  for (const MeasuredSet& set : measured) {
    if (set.way != way) continue;
    sum.whole += set.accuracy.whole, sum.trace += set.accuracy.trace, sum.answer += set.accuracy.answer;
    ++families;
  }
  SN_CHECK(families > 0, "there is no dev set of this way");
  return {sum.whole / families, sum.trace / families, sum.answer / families};
}

std::string measured_text(const Measured& measured) {
  std::string text, by_family;
  for (const MeasuredSet& set : measured) {
    if (set.way == "long") by_family += " " + set.family + " " + percent(set.accuracy.whole);
    if (set.family != measured.front().family) continue;
    const Accuracy mean = mean_of(measured, set.way);
    text += (text.empty() ? "" : "  ") + set.way + " " + percent(set.way == "cut" ? mean.answer : mean.whole);
    if (set.way == "long" || set.way == "terse")
      text += " (trace " + percent(mean.trace) + ", answer " + percent(mean.answer) + ")";
  }
  const bool several = measured.back().family != measured.front().family;
  return several ? text + "; long:" + by_family : text;
}

JsonLine measured_json(const Measured& measured) {
  const auto shares = [](const Accuracy& a) {
    return JsonLine().set("whole", a.whole).set("trace", a.trace).set("answer", a.answer);
  };
  JsonLine json, families;
  for (auto set = measured.begin(); set != measured.end();) {
    JsonLine family;
    const std::string name = set->family;
    for (; set != measured.end() && set->family == name; ++set) {
      family.set(set->way, shares(set->accuracy));
      if (name == measured.front().family) json.set(set->way, shares(mean_of(measured, set->way)));
    }
    families.set(name, family);
  }
  return json.set("families", families);
}

}  // namespace starnest::train
