#include "train/distill/losses.h"

#include "starnest/error.h"

namespace starnest::train {

Tensor completion_logits(const Weights& weights, const BatchTensors& batch, const SizeContext& size,
                         Observer* observer) {
  const Tensor hidden = hidden_states(weights, batch.input(), size, observer).flatten(0, 1);
  return logits_of(weights, hidden.index_select(0, batch.completion), size);
}

Tensor measured_logits(const Weights& weights, const BatchTensors& batch, const SizeContext& size) {
  const torch::NoGradGuard no_gradients;
  Tensor logits = completion_logits(weights, batch, size);
  if (!logits.isfinite().all().item<bool>())
    throw Error({.where = "logits", .what = "are not finite", .hint = "The weights hold NaN or numbers that overflow"});
  return logits;
}

Tensor forward_kl(const Tensor& teacher, const Tensor& student, int64_t positions) {
  const Tensor log_p = torch::log_softmax(teacher, -1), log_q = torch::log_softmax(student, -1);
  return (log_p.exp() * (log_p - log_q)).sum() / positions;
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, int64_t positions) {
  return torch::nll_loss(torch::log_softmax(logits, -1), targets, /*weight=*/{}, at::Reduction::Sum) / positions;
}

}  // namespace starnest::train
