// Uncertainty of accuracies: how far a share may be from the truth, and whether two models differ on the same problems.
// Pure functions; safe to call from any thread.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace starnest
