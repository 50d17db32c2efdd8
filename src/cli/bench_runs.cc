#include "cli/bench_runs.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/rng.h"
#include "generate/generation.h"

namespace starnest::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMixSteps = 8;      // per round, so that a round is long beside the clock and one-off delays
constexpr int kSwitchTokens = 8;  // few: the reading is a nuisance here, and its noise grows with it
constexpr int kSwitchRounds = 4;  // per round of the rest: single steps scatter more than sums of them

template <class Action>
double seconds_of(const Action& action) {
  const Clock::time_point start = Clock::now();
  action();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Bench {
 public:
  Bench(Engine& engine, const ModelSpec& spec, const BenchSettings& settings, const Progress& progress)
      : engine_(engine), spec_(spec), settings_(settings), progress_(progress) {}

  BenchResult run() {
    total_ = uint64_t(settings_.rounds) * (settings_.sizes.size() * 2 + (mixed() ? settings_.mixes.size() + 1 : 0));
    BenchResult result;
    result.sizes = sizes();
    if (!mixed()) return result;
    for (const int each : settings_.mixes) result.mixes.push_back(mix(each));
    result.switches = switches();
    return result;
  }

 private:
  bool mixed() const { return settings_.sizes.size() > 1; }
  size_t largest() const { return settings_.sizes.front(); }
  size_t smallest() const { return settings_.sizes.back(); }
  void count() {
    if (progress_) progress_(++done_, total_);
  }

  // Any ids will do; `stream` and `at` say which, so that what is compared reads the same.
  std::vector<TokenId> ids(uint64_t stream, uint64_t at, int count) const {
    std::vector<TokenId> out;
    Rng rng(key_of(stream, at));
    for (int i = 0; i < count; ++i) out.push_back(TokenId(rng.below(engine_.vocab())));
    return out;
  }

  PassCost cost(std::vector<PassPart> parts) const { return pass_cost_of(spec_, engine_.encoding_of(), parts); }
  PassPart part(size_t size, int tokens, int logits) const {
    return {&engine_.sizes().at(size).widths, uint64_t(tokens), uint64_t(logits)};
  }

  // Reads `text` as a session does, in chunks, with the logits of the last token.
  void read(Sequence& sequence, std::span<const TokenId> text) {
    while (!text.empty()) {
      const auto chunk = text.first(std::min(text.size(), kPrefillChunk));
      text = text.subspan(chunk.size());
      BatchItem item{&sequence, chunk, text.empty() ? Want::last : Want::none};
      engine_.step({&item, 1});
    }
  }

  double prefill(size_t size, int round) {
    const std::vector<TokenId> text = ids(1, uint64_t(round), settings_.prefill);
    Sequence sequence = engine_.start(size);
    return seconds_of([&] { read(sequence, text); });
  }

  double decode(size_t size, int round) {
    const std::vector<TokenId> text = ids(2, uint64_t(round), settings_.decode);
    Sequence sequence = engine_.start(size);
    return seconds_of([&] {
      for (const TokenId& id : text) read(sequence, {&id, 1});
    });
  }

  PassCost prefill_cost(size_t size) const {
    PassCost sum;
    for (int left = settings_.prefill; left > 0; left -= int(kPrefillChunk)) {
      const PassCost chunk = cost({part(size, std::min(left, int(kPrefillChunk)), left <= int(kPrefillChunk))});
      sum.bytes += chunk.bytes;
      sum.flops += chunk.flops;
    }
    return sum;
  }

  std::vector<SizeTiming> sizes() {
    std::vector<SizeTiming> timings;
    for (const size_t size : settings_.sizes) {
      SizeTiming& timing = timings.emplace_back();
      timing.size = engine_.name_of(size);
      timing.prefill = {{}, uint64_t(settings_.prefill), prefill_cost(size)};
      const PassCost one = cost({part(size, 1, 1)});
      timing.decode = {{}, uint64_t(settings_.decode), {one.bytes * settings_.decode, one.flops * settings_.decode}};
    }
    for (int round = -1; round < settings_.rounds; ++round) {  // round -1 warms up and is not kept
      for (size_t i = 0; i < timings.size(); ++i) {
        const double p = settings_.prefill > 0 ? prefill(settings_.sizes[i], round) : 0;
        const double d = settings_.decode > 0 ? decode(settings_.sizes[i], round) : 0;
        if (round < 0) continue;
        if (p > 0) timings[i].prefill.seconds.push_back(p);
        count();
        if (d > 0) timings[i].decode.seconds.push_back(d);
        count();
      }
    }
    return timings;
  }

  // n sequences of the largest size, then n of the smallest.
  std::vector<Sequence> sequences(int each) {
    std::vector<Sequence> out;
    for (const size_t size : {largest(), smallest()})
      for (int i = 0; i < each; ++i) out.push_back(engine_.start(size));
    return out;
  }

  // One token more for every sequence, in steps of `at_once` sequences.
  void advance(std::vector<Sequence>& all, size_t at_once, int step) {
    std::vector<std::vector<TokenId>> text;
    std::vector<BatchItem> items;
    for (size_t i = 0; i < all.size(); ++i) text.push_back(ids(3 + i, uint64_t(step), 1));
    for (size_t i = 0; i < all.size(); ++i) items.push_back({&all[i], text[i], Want::last});
    for (size_t i = 0; i < all.size(); i += at_once) engine_.step(std::span(items).subspan(i, at_once));
  }

  MixTiming mix(int each) {
    MixTiming timing;
    timing.each = each;
    const PassPart large = part(largest(), each, each), small = part(smallest(), each, each);
    const PassCost both = cost({large, small}), l = cost({large}), s = cost({small});
    const uint64_t tokens = uint64_t(2 * each * kMixSteps);
    timing.together = {{}, tokens, {kMixSteps * both.bytes, kMixSteps * both.flops}};
    timing.apart = {{}, tokens, {kMixSteps * (l.bytes + s.bytes), kMixSteps * (l.flops + s.flops)}};
    std::vector<Sequence> together = sequences(each), apart = sequences(each);
    const auto advance_together = [&](int step) { advance(together, together.size(), step); };
    const auto advance_apart = [&](int step) { advance(apart, apart.size() / 2, step); };
    const auto timed = [&](const auto& action, int round) {
      return seconds_of([&] {
        for (int step = 0; step < kMixSteps; ++step) action((round + 1) * kMixSteps + step);
      });
    };
    for (int round = -1; round < settings_.rounds; ++round) {
      double a = 0, b = 0;
      if (round % 2 == 0) a = timed(advance_together, round);
      b = timed(advance_apart, round);
      if (round % 2 != 0) a = timed(advance_together, round);
      if (round < 0) continue;
      timing.together.seconds.push_back(a);
      timing.apart.seconds.push_back(b);
      count();
    }
    return timing;
  }

  void switch_once(SwitchTiming& timing, size_t from, size_t to, std::span<const TokenId> text) {
    Sequence thinking = engine_.start(from);
    read(thinking, text);
    // Both start cold in the same way: no memory of their own yet.
    const Clock::time_point last_token = Clock::now();
    Sequence answering = engine_.start(to);
    const Clock::time_point ready = Clock::now();
    read(answering, text);
    const Clock::time_point done = Clock::now();
    Sequence again = engine_.start(to);
    const double same = seconds_of([&] { read(again, text); });
    timing.before.push_back(std::chrono::duration<double>(ready - last_token).count());
    timing.first.push_back(std::chrono::duration<double>(done - ready).count());
    timing.same.push_back(same);
  }

  std::vector<SwitchTiming> switches() {
    std::vector<SwitchTiming> timings;
    for (const auto& [from, to] : {std::pair(smallest(), largest()), std::pair(largest(), smallest())})
      timings.push_back({engine_.name_of(from), engine_.name_of(to), kSwitchTokens, {}, {}, {}});
    for (int round = 0; round < settings_.rounds; ++round) {
      for (int repeat = 0; repeat < kSwitchRounds; ++repeat) {
        const std::vector<TokenId> text = ids(0, uint64_t(round * kSwitchRounds + repeat), kSwitchTokens);
        switch_once(timings[0], smallest(), largest(), text);
        switch_once(timings[1], largest(), smallest(), text);
      }
      count();
    }
    return timings;
  }

  Engine& engine_;
  const ModelSpec& spec_;
  const BenchSettings& settings_;
  const Progress& progress_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

double median_of(std::vector<double> values) {
  SN_CHECK(!values.empty(), "median_of: no values");
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double MixTiming::speedup() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < together.seconds.size(); ++i) ratios.push_back(apart.seconds[i] / together.seconds[i]);
  return median_of(ratios);
}

double SwitchTiming::rest() const {
  return median_of(before) + *std::min_element(first.begin(), first.end()) -
         *std::min_element(same.begin(), same.end());
}

BenchResult run_bench(Engine& engine, const ModelSpec& spec, const BenchSettings& settings, const Progress& progress) {
  return Bench(engine, spec, settings, progress).run();
}

}  // namespace starnest::cli
