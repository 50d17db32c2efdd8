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
  for (const DevSet& set : sets) measured.emplace_back(set.name, accuracy(weights, size, set));
  return measured;
}

std::string measured_text(const Measured& measured) {
  std::string text;
  for (const auto& [name, a] : measured) {
    text += (text.empty() ? "" : "  ") + name + " ";
    if (name == "cut")
      text += percent(a.answer);
    else
      text += percent(a.whole);
    if (name == "long" || name == "terse")
      text += " (trace " + percent(a.trace) + ", answer " + percent(a.answer) + ")";
  }
  return text;
}

JsonLine measured_json(const Measured& measured) {
  JsonLine json;
  for (const auto& [name, a] : measured)
    json.set(name, JsonLine().set("whole", a.whole).set("trace", a.trace).set("answer", a.answer));
  return json;
}

const Accuracy& accuracy_of(const Measured& measured, const std::string& name) {
  for (const auto& [known, a] : measured)
    if (known == name) return a;
  check_failed("known name", "no such dev set", __FILE__, __LINE__);
}

}  // namespace starnest::train
