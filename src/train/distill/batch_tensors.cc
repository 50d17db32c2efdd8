#include "train/distill/batch_tensors.h"

#include <numeric>

#include "base/check.h"

namespace starnest::train {

BatchTensors to_tensors(const tasks::SampleBatch& batch) {
  const auto table = [&](const std::vector<int64_t>& values) { return torch::tensor(values).view({batch.rows, -1}); };
  BatchTensors out;
  out.ids = table(batch.ids);
  out.mask = torch::tensor(batch.mask).view({batch.rows, batch.tokens});
  out.completion = out.mask.flatten().nonzero().squeeze(1);
  out.targets = torch::tensor(batch.targets).index_select(0, out.completion);
  out.valid = torch::arange(batch.tokens).lt(table(batch.lengths)).to(torch::kFloat);
  out.answers = table(batch.answer_starts) - 1;
  out.positions = out.completion.numel();
  out.rows = batch.rows;
  out.tokens = std::accumulate(batch.lengths.begin(), batch.lengths.end(), int64_t{0});
  return out;
}

BatchTensors share_of(const BatchTensors& batch, int index, int count) {
  SN_CHECK(0 <= index && index < count && count <= batch.rows, "every share has a row");
  if (count == 1) return batch;
  const int64_t begin = batch.rows * index / count, end = batch.rows * (index + 1) / count;
  const auto rows = [&](const Tensor& tensor) { return tensor.defined() ? tensor.slice(0, begin, end) : tensor; };
  BatchTensors share = batch;
  for (Tensor* tensor : {&share.ids, &share.mask, &share.valid, &share.segments, &share.answers})
    *tensor = rows(*tensor);
  const int64_t before = batch.mask.slice(0, 0, begin).sum().item<int64_t>();
  share.completion = share.mask.flatten().nonzero().squeeze(1);
  share.targets = batch.targets.slice(0, before, before + share.completion.numel());
  return share;
}

}  // namespace starnest::train
