#include "train/distill/batch_tensors.h"

#include <numeric>

namespace starnest::train {

BatchTensors to_tensors(const tasks::Batch& batch) {
  const auto table = [&](const std::vector<int64_t>& values) { return torch::tensor(values).view({batch.rows, -1}); };
  BatchTensors out;
  out.ids = table(batch.ids);
  out.mask = torch::tensor(batch.mask).view({batch.rows, batch.tokens});
  out.completion = out.mask.flatten().nonzero().squeeze(1);
  out.targets = torch::tensor(batch.targets).index_select(0, out.completion);
  out.valid = torch::arange(batch.tokens).lt(table(batch.lengths)).to(torch::kFloat);
  out.answers = table(batch.answer_starts) - 1;
  out.valid_tokens = std::accumulate(batch.lengths.begin(), batch.lengths.end(), int64_t{0});
  return out;
}

}  // namespace starnest::train
