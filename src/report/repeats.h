// A difference measured with several seeds: how far its mean may be from the truth.
// Pure functions; safe to call from any thread.
#pragma once

#include <span>
#include <vector>

#include "report/intervals.h"

namespace starnest {

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
