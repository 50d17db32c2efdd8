// Losses over completion positions.
#pragma once

#include <torch/torch.h>

#include "train/distill/batch_tensors.h"
#include "train/modules/model.h"

namespace starnest::train {

// Logits at the completion positions only: [n, V].
Tensor completion_logits(const Weights& weights, const BatchTensors& batch, const SizeContext& size,
                         Observer* observer = nullptr);

// The same for who measures, without gradients. Throws Error when one of them is NaN or infinite: what they say would
// be counted as if it meant something.
Tensor measured_logits(const Weights& weights, const BatchTensors& batch, const SizeContext& size);

// Forward KL, the sum over n positions divided by `positions`: sum_v p (log p - log q), p = softmax(teacher),
// q = softmax(student). [n, V] each. A mean where positions is n; see BatchTensors::positions.
Tensor forward_kl(const Tensor& teacher, const Tensor& student, int64_t positions);

// Negative log-likelihood of targets [n] under logits [n, V], summed and divided by `positions`.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, int64_t positions);

}  // namespace starnest::train
