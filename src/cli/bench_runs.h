// The measurements of `starnest bench`: steps of one engine, timed. Everything that is compared alternates in one run.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "arch/pass_cost.h"
#include "base/progress.h"
#include "engine/engine.h"

namespace starnest::cli {

struct BenchSettings {
  std::vector<size_t> sizes;  // to measure and to show in this order: largest first; at least one
  int prefill = 512;          // tokens of a prompt; 0 skips
  int decode = 64;            // tokens that follow one another, of one sequence, from an empty context; 0 skips
  int rounds = 5;             // of every measurement
  std::vector<int> mixes = {1, 4, 16};  // sequences of the largest and as many of the smallest size; empty skips
};

double median_of(std::vector<double> values);  // at least one

// Seconds of every round, and what one round does.
struct Timing {
  std::vector<double> seconds;
  uint64_t tokens = 0;
  PassCost cost;

  double median() const { return median_of(seconds); }
  double tokens_per_second() const { return double(tokens) / median(); }
  double bytes_per_second() const { return cost.bytes / median(); }
  double flops_per_second() const { return cost.flops / median(); }
};

struct SizeTiming {
  std::string size;
  Timing prefill, decode;  // without seconds when skipped
};

// One decoding step of n sequences of the largest and n of the smallest size together, against the two sizes one after
// the other; the same tokens after the same history, hence the same experts.
struct MixTiming {
  int each = 0;
  Timing together, apart;

  double speedup() const;  // median over the rounds of apart / together
};

// Going from a size to another by reading the text again, beside that reading: what precedes it, and by how much the
// first step takes longer than the same step of an engine that did not come from another size.
struct SwitchTiming {
  std::string from, to;
  int tokens = 0;  // of the text
  std::vector<double> before, first, same;

  // The fastest of many: the difference of two long steps is small beside what disturbs either.
  double rest() const;
};

struct BenchResult {
  std::vector<SizeTiming> sizes;
  std::vector<MixTiming> mixes;
  std::vector<SwitchTiming> switches;  // from the smallest to the largest size and back; empty with one size
};

// Progress counts single timings.
BenchResult run_bench(Engine& engine, const ModelSpec& spec, const BenchSettings& settings, const Progress& progress);

}  // namespace starnest::cli
