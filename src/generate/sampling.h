// Choosing the next token from logits.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/dims.h"
#include "base/rng.h"
#include "base/view.h"
#include "starnest/plan.h"

namespace starnest {

// Throws Error for a value out of range. `place` says where a field comes from, given its name as in
// generation_config.json ("top_k").
void check(const Sampling& sampling, const std::function<std::string(const char* name)>& place = {});

struct Candidate {
  TokenId id = 0;
  double probability = 0;
};

// What the next token is drawn from. Temperature 0: the largest logit alone, the lowest id among equals. Else
// softmax(logits / temperature) over the top_k most likely tokens (the lower id among equals), cut to the smallest set
// that holds top_p of their probability, then to those at least min_p times as likely as the most likely one, and
// scaled to 1. Never empty; in no particular order. Throws Error for logits that are not finite.
std::vector<Candidate> candidates(const Sampling& sampling, VecView<const float> logits);

// One per sequence, so that a sequence's draws do not depend on its batch. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(const Sampling& sampling);

  TokenId pick(VecView<const float> logits);  // one draw from the candidates

 private:
  Sampling sampling_;
  Rng rng_;
};

}  // namespace starnest
