// The steps of an elastic run.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "nest/sizes.h"
#include "train/distill/sandwich.h"
#include "train/jobs/elastify.h"

namespace starnest::train {

struct SizeOfStep {
  size_t size;        // number of the size
  std::string where;  // "batch 7, size small"
  SizeResult result;  // of the last batch that it ran on
};

struct StepResult {
  std::vector<SizeOfStep> sizes;
  std::vector<Tensor> gradients, router_gradients;
  int64_t tokens = 0;

  const SizeOfStep* find(size_t size) const {
    const auto found = std::find_if(sizes.rbegin(), sizes.rend(), [&](const auto& s) { return s.size == size; });
    return found == sizes.rend() ? nullptr : &*found;
  }
};

// Runs the sizes of a step on this process's share of its batches against the frozen teacher. Refers to what it is
// given. Not thread-safe.
class Distiller {
 public:
  Distiller(const ElastifySettings& settings, const Weights& teacher, const Weights& student,
            const Curriculum& curriculum, const Ranks& ranks);

  // The sizes that the next steps run, as many as the curriculum is for.
  void run_at(std::vector<StudentSize> sizes) { sizes_ = std::move(sizes); }

  StepResult step(int64_t number);

  // Sum over sizes of the mean KL on batches that no step reads; the same in every process.
  double unseen_loss(const std::vector<Size>& sizes);

 private:
  void run(int64_t step, int64_t number, const std::vector<size_t>& numbers, const std::vector<StudentSize>& sizes,
           StepResult& into);

  const Ranks& ranks_;
  const Weights& teacher_;
  const Weights& student_;
  std::vector<StudentSize> sizes_;
  StudentLoss loss_;
  int micro_batches_;
  int64_t steps_;
  Curriculum curriculum_;
  std::unique_ptr<BatchSource> stage1_, stage2_;  // stage1_ only where its data differ
};

}  // namespace starnest::train
