#include "report/intervals.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/text.h"

namespace starnest {

Interval wilson(Tally tally, double z) {
  SN_CHECK(tally.successes <= tally.trials, "more successes than trials");
  if (tally.trials == 0) return {0, 1};
  const double n = double(tally.trials);
  const double p = double(tally.successes) / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (centre - half) / scale), std::min(1.0, (centre + half) / scale)};
}

std::string interval_text(Tally tally) {
  const Interval interval = wilson(tally);
  return "95 % interval " + format_number("%.1f", 100 * interval.low) + " to " +
         format_number("%.1f", 100 * interval.high);
}

double mcnemar_exact(Discordant pairs) {
  const uint64_t n = pairs.only_first_right + pairs.only_second_right;
  const uint64_t least = std::min(pairs.only_first_right, pairs.only_second_right);
  // log of C(n, least) / 2^n, by a sum: std::lgamma writes a global, and 2^-n underflows.
  double log_term = -double(n) * std::numbers::ln2;
  for (uint64_t i = 1; i <= least; ++i) log_term += std::log(double(n - least + i) / double(i));
  double term = 1, sum = 1;  // relative to C(n, least), towards smaller counts
  for (uint64_t i = least; i > 0; --i) {
    term *= double(i) / double(n - i + 1);
    sum += term;
  }
  return std::min(1.0, 2 * sum * std::exp(log_term));
}

}  // namespace starnest
