// Where the batches of a run come from.
#pragma once

#include "train/distill/batch_tensors.h"

namespace starnest::train {

// Batches by number: the same number gives the same batch, so that a resumed run sees what an uninterrupted one sees.
// Not thread-safe.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual BatchTensors at(uint64_t index) = 0;
};

class TaskBatches : public BatchSource {
 public:
  explicit TaskBatches(tasks::BatchStream stream) : stream_(std::move(stream)) {}
  BatchTensors at(uint64_t index) override { return to_tensors(stream_.at(index)); }

 private:
  tasks::BatchStream stream_;
};

}  // namespace starnest::train
