// The logits after one token of a sequence, for who evaluates them or chooses a token by them.
#pragma once

#include <span>

#include "base/dims.h"
#include "base/view.h"

namespace starnest {

// Throws Error for an id that a model of `vocabulary` tokens does not have.
void require_token(TokenId id, size_t vocabulary);

// Throws Error when one of them is NaN or infinite: nothing can be said or chosen by such a model.
void require_finite(VecView<const float> logits);

// A view. All of them are finite, and no id reads outside.
class Logits {
 public:
  explicit Logits(std::span<const float> row);  // [V]; throws as require_finite

  size_t size() const { return row_.size(); }
  float of(TokenId id) const;                  // throws as require_token
  double log_sum() const { return log_sum_; }  // log sum exp
  double log_probability(TokenId id) const { return double(of(id)) - log_sum_; }
  TokenId likeliest() const;  // the lowest id among equals

  // sum over tokens of p (log p - log q), nats: KL(this || other). Of the same vocabulary.
  double divergence_from(const Logits& other) const;

 private:
  std::span<const float> row_;
  double log_sum_ = 0;
};

}  // namespace starnest
