// Choosing the next token from logits.
#pragma once

#include <functional>
#include <span>
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

// "top-k" of "top_k", for messages.
std::string setting_name(std::string name);

struct Candidate {
  TokenId id = 0;
  double probability = 0;
};

// What the next token is drawn from, given logits after steps 1 to 3 of Sampling. Temperature 0: the largest logit
// alone, the lowest id among equals. Else softmax(logits / temperature) over the top_k most likely tokens (the lower id
// among equals), cut to the smallest set that holds top_p of their probability, then to those at least min_p times as
// likely as the most likely one, and scaled to 1. Never empty; in no particular order. Throws Error for a NaN, or where
// all are -infinity.
std::vector<Candidate> candidates(const Sampling& sampling, VecView<const float> logits);

// Logits as Sampling changes them before the temperature: bias, then the penalties of what was read and written.
// Not thread-safe.
class LogitRules {
 public:
  // Throws Error for a bias of an id outside [0, vocab).
  LogitRules(const Sampling& sampling, size_t vocab);

  // `text` is what the one of the call before has grown to; the output begins at `output_begin`. The result is `logits`
  // where nothing changes them, else valid until the next call.
  VecView<const float> apply(VecView<const float> logits, std::span<const TokenId> text, size_t output_begin);

 private:
  void count(std::span<const TokenId> text, size_t output_begin);

  Sampling sampling_;
  bool penalises_;
  size_t counted_ = 0;          // tokens of the text
  std::vector<TokenId> seen_;   // each token of the text once
  std::vector<int> in_output_;  // by id, how often; 0: in the prompt alone, -1: nowhere. Empty where nothing penalises
  std::vector<float> logits_;
};

// One per sequence, so that a sequence's draws do not depend on its batch. Not thread-safe.
class Sampler {
 public:
  Sampler(const Sampling& sampling, size_t vocab);  // throws Error for a value out of range

  // One draw from the candidates. `text` and `output_begin` as LogitRules takes them. Throws Error for logits that are
  // not finite.
  TokenId pick(VecView<const float> logits, std::span<const TokenId> text, size_t output_begin);

 private:
  Sampling sampling_;
  LogitRules rules_;
  Rng rng_;
};

}  // namespace starnest
