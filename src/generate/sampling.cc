#include "generate/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/text.h"
#include "engine/logits.h"
#include "starnest/error.h"

namespace starnest {
namespace {

TokenId most_likely(VecView<const float> logits) {
  return TokenId(std::max_element(logits.data, logits.data + logits.size) - logits.data);
}

double sum(const std::vector<Candidate>& candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double total, const Candidate& c) { return total + c.probability; });
}

}  // namespace

std::string setting_name(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void check(const Sampling& s, const std::function<std::string(const char*)>& place) {
  const auto require = [&](bool holds, const char* name, const char* expected, double got) {
    if (holds) return;
    throw Error({.where = place ? place(name) : setting_name(name),
                 .what = "is out of range",
                 .expected = expected,
                 .got = format_number("%g", got)});
  };
  require(s.temperature >= 0 && std::isfinite(s.temperature), "temperature", "at least 0", s.temperature);
  require(s.top_k >= 0, "top_k", "at least 0", s.top_k);
  require(s.top_p > 0 && s.top_p <= 1, "top_p", "above 0 and at most 1", s.top_p);
  require(s.min_p >= 0 && s.min_p <= 1, "min_p", "0 to 1", s.min_p);
  require(s.repetition_penalty > 0 && std::isfinite(s.repetition_penalty), "repetition_penalty", "above 0",
          s.repetition_penalty);
  require(std::isfinite(s.presence_penalty), "presence_penalty", "a number", s.presence_penalty);
  require(std::isfinite(s.frequency_penalty), "frequency_penalty", "a number", s.frequency_penalty);
  for (const auto& [id, bias] : s.logit_bias)
    require(bias < std::numeric_limits<float>::infinity(), "logit_bias", "numbers or -inf", bias);  // no NaN either
}

LogitRules::LogitRules(const Sampling& sampling, size_t vocab)
    : sampling_(sampling),
      penalises_(sampling.repetition_penalty != 1 || sampling.presence_penalty != 0 ||
                 sampling.frequency_penalty != 0) {
  for (const auto& [id, bias] : sampling.logit_bias)
    if (id < 0 || size_t(id) >= vocab)
      throw Error({.where = "logit-bias",
                   .what = "names a token outside the vocabulary",
                   .expected = "ids from 0 to " + std::to_string(vocab - 1),
                   .got = std::to_string(id)});
  if (penalises_) in_output_.assign(vocab, -1);
}

void LogitRules::count(std::span<const TokenId> text, size_t output_begin) {
  for (; counted_ < text.size(); ++counted_) {
    int& times = in_output_[size_t(text[counted_])];
    if (times < 0) seen_.push_back(text[counted_]), times = 0;
    if (counted_ >= output_begin) ++times;
  }
}

VecView<const float> LogitRules::apply(VecView<const float> logits, std::span<const TokenId> text,
                                       size_t output_begin) {
  if (!penalises_ && sampling_.logit_bias.empty()) return logits;
  logits_.assign(logits.data, logits.data + logits.size);
  for (const auto& [id, bias] : sampling_.logit_bias) logits_[size_t(id)] += bias;
  if (penalises_) count(text, output_begin);
  for (const TokenId id : seen_) {
    float& logit = logits_[size_t(id)];
    logit = logit < 0 ? logit * sampling_.repetition_penalty : logit / sampling_.repetition_penalty;
    const int times = in_output_[size_t(id)];
    logit -= float(times) * sampling_.frequency_penalty;
    if (times > 0) logit -= sampling_.presence_penalty;
  }
  return {logits_.data(), logits_.size()};
}

Sampler::Sampler(const Sampling& sampling, size_t vocab)
    : sampling_(sampling), rules_(sampling, vocab), rng_(key_of(sampling.seed)) {
  check(sampling);
}

std::vector<Candidate> candidates(const Sampling& s, VecView<const float> logits) {
  const TokenId likely = most_likely(logits);
  const float most = logits[size_t(likely)];
  if (most == -std::numeric_limits<float>::infinity())
    throw Error({.where = "logit-bias", .what = "bans every token", .hint = "Leave at least one that may follow"});
  if (!std::isfinite(most))
    throw Error({.where = "penalties and logit-bias", .what = "make a logit infinite", .hint = "Take smaller numbers"});
  if (s.temperature == 0) return {{likely, 1}};

  std::vector<Candidate> all(logits.size);
  double total = 0;
  for (size_t i = 0; i < logits.size; ++i) {
    all[i] = {TokenId(i), std::exp((double(logits[i]) - logits[size_t(likely)]) / s.temperature)};
    total += all[i].probability;
  }
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
  };
  if (s.top_k && size_t(s.top_k) < all.size()) {
    std::partial_sort(all.begin(), all.begin() + s.top_k, all.end(), more_likely);
    all.resize(size_t(s.top_k));
    total = sum(all);
  }
  if (s.top_p < 1) {
    // All that are less likely than this hold less than 1 - top_p together, so the set never needs them.
    const double least = (1 - double(s.top_p)) * total / double(all.size());
    std::erase_if(all, [&](const Candidate& c) { return c.probability < least; });
    std::sort(all.begin(), all.end(), more_likely);
    size_t kept = 0;
    for (double mass = 0; kept < all.size() && mass < s.top_p * total; ++kept) mass += all[kept].probability;
    all.resize(std::max<size_t>(kept, 1));
  }
  if (s.min_p > 0) std::erase_if(all, [&](const Candidate& c) { return c.probability < s.min_p; });  // the largest is 1
  total = sum(all);
  for (Candidate& c : all) c.probability /= total;
  return all;
}

TokenId Sampler::pick(VecView<const float> logits, std::span<const TokenId> text, size_t output_begin) {
  require_finite(logits);
  const std::vector<Candidate> from = candidates(sampling_, rules_.apply(logits, text, output_begin));
  if (from.size() == 1) return from.front().id;
  double draw = rng_.uniform();
  for (const Candidate& candidate : from) {
    draw -= candidate.probability;
    if (draw < 0) return candidate.id;
  }
  return from.back().id;  // rounding left a remainder
}

}  // namespace starnest
