#include "train/run/measure.h"

#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "base/range.h"
#include "base/text.h"
#include "program/terminal.h"
#include "train/distill/losses.h"

namespace starnest::train {
namespace {

std::string percent(double share) { return format_number("%.1f", 100 * share); }

}  // namespace

void use_threads(int threads) {
  require_range("--threads", threads, 1, 1024);  // a mistyped number must not exhaust the system
  torch::set_num_threads(threads);
  at::globalContext().setFlushDenormal(true);
}

void print_settings(const std::string& job, const std::string& settings, const Ranks& ranks) {
  if (!ranks.first()) return;
  print(stdout, "%s\n%s", job.c_str(), settings.c_str());
  if (ranks.size() > 1) print(stdout, "processes = %d\n", ranks.size());
  print(stdout, "\n");
  std::fflush(stdout);
}

bool is_due(int64_t step, int every, int64_t steps) { return step == steps || (every > 0 && step % every == 0); }

Measured measure(const Weights& weights, const SizeContext& size, const DevData& dev) {
  const torch::NoGradGuard no_gradients;
  Measured measured;
  for (const DevSet& set : dev.sets) measured.sets.push_back({set.family, set.way, accuracy(weights, size, set)});
  double loss = 0, positions = 0;
  for (const BatchTensors& batch : dev.text) {
    const double n = double(batch.completion.numel());
    loss += cross_entropy(measured_logits(weights, batch, size), batch.targets, 1).item<double>();
    positions += n;
  }
  if (positions > 0) measured.text_loss = loss / positions;
  return measured;
}

Accuracy mean_of(const Measured& measured, const std::string& way) {
  Accuracy sum;
  double families = 0;
  for (const MeasuredSet& set : measured.sets) {
    if (set.way != way) continue;
    sum.whole += set.accuracy.whole, sum.trace += set.accuracy.trace, sum.answer += set.accuracy.answer;
    sum.kl += set.accuracy.kl;
    ++families;
  }
  SN_CHECK(families > 0, "there is no dev set of this way");
  return {sum.whole / families, sum.trace / families, sum.answer / families, sum.kl / families};
}

std::string measured_text(const Measured& measured) {
  if (measured.text_loss)
    return "loss " + format_number("%.4f", *measured.text_loss) + " (perplexity " +
           format_number("%.2f", std::exp(*measured.text_loss)) + ")";
  if (measured.sets.empty()) return "nothing to measure";
  std::string text, by_family;
  for (const MeasuredSet& set : measured.sets) {
    if (set.way == "long") by_family += " " + set.family + " " + percent(set.accuracy.whole);
    if (set.family != measured.sets.front().family) continue;
    const Accuracy mean = mean_of(measured, set.way);
    text += (text.empty() ? "" : "  ") + set.way + " " + percent(set.way == "cut" ? mean.answer : mean.whole);
    if (set.way == "long" || set.way == "terse")
      text += " (trace " + percent(mean.trace) + ", answer " + percent(mean.answer) + ")";
  }
  const bool several = measured.sets.back().family != measured.sets.front().family;
  return several ? text + "; long:" + by_family : text;
}

JsonLine measured_json(const Measured& measured) {
  const auto shares = [](const Accuracy& a) {
    return JsonLine().set("whole", a.whole).set("trace", a.trace).set("answer", a.answer).set("kl", a.kl);
  };
  JsonLine json, families;
  if (measured.text_loss) return json.set("loss", *measured.text_loss);
  for (auto set = measured.sets.begin(); set != measured.sets.end();) {
    JsonLine family;
    const std::string name = set->family;
    for (; set != measured.sets.end() && set->family == name; ++set) {
      family.set(set->way, shares(set->accuracy));
      if (name == measured.sets.front().family) json.set(set->way, shares(mean_of(measured, set->way)));
    }
    families.set(name, family);
  }
  return json.set("families", families);
}

}  // namespace starnest::train
