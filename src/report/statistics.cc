#include "report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"
#include "base/text.h"

namespace starnest {
namespace {

double share(Tally tally) { return double(tally.successes) / double(tally.trials); }

// Correlation of the two outcomes, its numerator moved towards 0 by n/2 when positive.
double correlation(const PairedTable& t) {
  const double a = double(t.both), b = double(t.only_first), c = double(t.only_second), d = double(t.neither);
  const double margins = (a + b) * (c + d) * (a + c) * (b + d);
  if (margins == 0) return 0;
  double numerator = a * d - b * c;
  if (numerator > 0) numerator = std::max(0.0, numerator - double(t.trials()) / 2);
  return numerator / std::sqrt(margins);
}

// t with P(|T| <= t) = `share`.
double student_quantile(double share, int degrees) {
  double low = 0, high = 1;
  while (student_within(high, degrees) < share) high *= 2;
  for (int round = 0; round < 100; ++round) {
    const double middle = (low + high) / 2;
    (student_within(middle, degrees) < share ? low : high) = middle;
  }
  return low;
}

}  // namespace

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

double PairedTable::difference() const { return trials() == 0 ? 0 : share(first()) - share(second()); }

Interval difference_interval(const PairedTable& table, double z) {
  if (table.trials() == 0) return {-1, 1};
  const double p = share(table.first()), q = share(table.second()), r = correlation(table);
  const Interval first = wilson(table.first(), z), second = wilson(table.second(), z);
  const auto half = [&](double x, double y) { return std::sqrt(std::max(0.0, x * x - 2 * r * x * y + y * y)); };
  return {p - q - half(p - first.low, second.high - q), p - q + half(first.high - p, q - second.low)};
}

bool is_non_inferior(const PairedTable& table, double margin, double z) {
  SN_CHECK(margin > 0, "is_non_inferior: the margin is not above 0");
  return difference_interval(table, z).low > -margin;
}

Interval bootstrap_interval(std::span<const double> differences, uint64_t seed, size_t rounds) {
  if (differences.empty()) return {0, 0};
  Rng rng(seed);
  std::vector<double> means(rounds);
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i) sum += differences[rng.below(differences.size())];
    mean = sum / double(differences.size());
  }
  std::sort(means.begin(), means.end());
  const auto quantile = [&](double share) { return means[size_t(std::lround(share * double(rounds - 1)))]; };
  return {quantile(0.025), quantile(0.975)};
}

uint64_t problems_needed(double discordant_share, double margin) {
  SN_CHECK(discordant_share >= 0 && margin > 0, "problems_needed: out of range");
  constexpr double kRounding = 1e-9;  // 3100.0000000001 problems are 3100
  return uint64_t(std::ceil(7.85 * discordant_share / (margin * margin) * (1 - kRounding)));
}

double student_within(double t, int degrees) {
  SN_CHECK(degrees >= 1 && t >= 0, "Student's distribution has at least one degree of freedom");
  const double angle = std::atan(t / std::sqrt(double(degrees)));
  const double cosine = std::cos(angle), square = cosine * cosine;
  const bool odd = degrees % 2 == 1;
  double term = odd ? cosine : 1, sum = 0;
  for (int i = odd ? 3 : 2; i <= degrees; i += 2) {
    sum += term;
    term *= square * double(i - 1) / double(i);
  }
  return odd ? 2 / std::numbers::pi * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
}

MeanDifference mean_difference(std::span<const double> differences) {
  SN_CHECK(!differences.empty(), "a mean needs values");
  const double n = double(differences.size());
  MeanDifference result;
  result.mean = std::accumulate(differences.begin(), differences.end(), 0.0) / n;
  const double infinite = std::numeric_limits<double>::infinity();
  result.interval = {-infinite, infinite};
  if (differences.size() < 2) return result;
  double squares = 0;
  for (const double difference : differences) squares += (difference - result.mean) * (difference - result.mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const int degrees = int(differences.size()) - 1;
  const double reach = error * student_quantile(0.95, degrees);
  result.interval = {result.mean - reach, result.mean + reach};
  if (error > 0)
    result.p = 1 - student_within(std::abs(result.mean) / error, degrees);
  else
    result.p = result.mean == 0 ? 1 : 0;
  return result;
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    least = std::max(least, std::min(1.0, double(order.size() - rank) * p_values[order[rank]]));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace starnest
