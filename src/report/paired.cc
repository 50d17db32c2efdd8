#include "report/paired.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/rng.h"

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

}  // namespace

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

}  // namespace starnest
