// Uncertainty of what was measured: how far a share may be from the truth, how much two models differ on the same
// problems, and a difference measured with several seeds. Pure functions; safe to call from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace starnest {

inline constexpr double kZ95 = 1.959963984540054;  // two-sided 95 % of the normal distribution

struct Interval {
  double low = 0;
  double high = 1;
};

struct Tally {
  uint64_t successes = 0;  // at most trials
  uint64_t trials = 0;
};

// Wilson's score interval for the share behind `tally` (Wilson 1927):
//   (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
// Unlike p +- z sqrt(p (1 - p) / n) it stays within [0, 1] and keeps its coverage near 0 and 1. No trials: [0, 1].
Interval wilson(Tally tally, double z = kZ95);

// Wilson's interval in percent, as every report shows it: "95 % interval 34.2 to 100.0".
std::string interval_text(Tally tally);

// Problems on which two models, asked the same problems, differ. Those on which they agree carry no information.
struct Discordant {
  uint64_t only_first_right = 0;   // b
  uint64_t only_second_right = 0;  // c
};

// Two-sided p of McNemar's exact test, 2 P(X <= min(b, c)) with X ~ Binomial(b + c, 1/2), at most 1. Takes time linear
// in b + c.
double mcnemar_exact(Discordant pairs);

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

// P(|T| <= t) of Student's distribution with `degrees` >= 1 degrees of freedom, t >= 0 (Abramowitz and Stegun, 26.7.3
// and 26.7.4: exact for whole degrees).
double student_within(double t, int degrees);

struct MeanDifference {
  double mean = 0;
  Interval interval;  // 95 %, by Student's t; of all numbers with fewer than two differences
  double p = 1;       // two-sided, of no difference; 1 with fewer than two
};
MeanDifference mean_difference(std::span<const double> differences);  // at least one

// Holm's step-down adjustment of p values for the number of claims (Holm 1979); in the order given.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace starnest
