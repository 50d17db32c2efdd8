// Choosing the next token from logits.
#pragma once

#include "core/base/dims.h"
#include "core/base/rng.h"
#include "core/base/view.h"
#include "starnest/plan.h"

namespace starnest {

void check(const Sampling& sampling);  // throws Error for a value out of range

// One per sequence, so that a sequence's draws do not depend on its batch. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(const Sampling& sampling);

  // Temperature 0: the largest logit, the lowest id among equals. Else a draw from softmax(logits / temperature) over
  // the top_k most likely tokens, cut to the smallest set with probability top_p (at least one token).
  // Throws Error for logits that are not finite.
  TokenId pick(VecView<const float> logits);

 private:
  Sampling sampling_;
  Rng rng_;
};

}  // namespace starnest
