#include "report/repeats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/check.h"

namespace starnest {
namespace {

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
