// Two models on the same problems: how much they differ, and whether one is not worse than the other.
// Pure functions; safe to call from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "report/intervals.h"

namespace starnest {

// Numbers of problems by who was right.
struct PairedTable {
  uint64_t both = 0, only_first = 0, only_second = 0, neither = 0;

  uint64_t trials() const { return both + only_first + only_second + neither; }
  Tally first() const { return {both + only_first, trials()}; }
  Tally second() const { return {both + only_second, trials()}; }
  Discordant discordant() const { return {only_first, only_second}; }
  double difference() const;  // share of the first minus share of the second; 0 without trials
};

// Interval for the difference: Newcombe's square-and-add of Wilson's intervals with a correction for the correlation
// (Newcombe, Statistics in Medicine 17, 1998, method 10). Keeps its coverage where normal intervals do not: near 0 and
// 1, and with few discordant pairs. No trials: [-1, 1].
Interval difference_interval(const PairedTable& table, double z = kZ95);

// Whether the first is shown to be at most `margin` (a share, above 0) worse: the interval's lower end lies above
// -margin, one-sided 97.5 % at the default z.
bool is_non_inferior(const PairedTable& table, double margin, double z = kZ95);

// Percentile interval (95 %) of the mean of paired differences, one per problem or seed, by resampling them with
// replacement (Efron's bootstrap). Assumes nothing about their distribution, so it serves losses and macro-averages as
// well as right and wrong. Repeatable: draws follow from `seed`. No differences: [0, 0].
Interval bootstrap_interval(std::span<const double> differences, uint64_t seed = 1, size_t rounds = 10000);

// Problems needed for is_non_inferior of equal models with 80 % power: (1.96 + 0.84)^2 p / margin^2 = 7.85 p /
// margin^2, p the share of discordant problems.
uint64_t problems_needed(double discordant_share, double margin);

}  // namespace starnest
