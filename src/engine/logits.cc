#include "engine/logits.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "starnest/error.h"

namespace starnest {
namespace {

double log_sum_of(std::span<const float> row) {
  const float largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float logit : row) sum += std::exp(logit - largest);
  return double(largest) + std::log(sum);
}

}  // namespace

void require_token(TokenId id, size_t vocabulary) {
  if (id >= 0 && size_t(id) < vocabulary) return;
  throw Error({.where = "token id " + std::to_string(id),
               .what = "is not in the vocabulary",
               .expected = "0 to " + std::to_string(vocabulary - 1)});
}

void require_finite(VecView<const float> logits) {
  const bool finite =
      std::all_of(logits.data, logits.data + logits.size, [](float logit) { return std::isfinite(logit); });
  if (!finite)
    throw Error({.where = "logits", .what = "are not finite", .hint = "The weights hold NaN or numbers that overflow"});
}

Logits::Logits(std::span<const float> row) : row_(row) {
  require_finite({row.data(), row.size()});
  log_sum_ = log_sum_of(row);
}

float Logits::of(TokenId id) const {
  require_token(id, row_.size());
  return row_[size_t(id)];
}

TokenId Logits::likeliest() const { return TokenId(std::max_element(row_.begin(), row_.end()) - row_.begin()); }

double Logits::divergence_from(const Logits& other) const {
  double sum = 0;
  for (size_t v = 0; v < row_.size(); ++v) {
    const double log_p = double(row_[v]) - log_sum_;
    sum += std::exp(log_p) * (log_p - (double(other.row_[v]) - other.log_sum_));
  }
  return sum;
}

}  // namespace starnest
