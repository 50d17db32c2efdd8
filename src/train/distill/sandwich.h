// One training step of all sizes on one batch.
#pragma once

#include <string>
#include <vector>

#include "train/distill/losses.h"
#include "train/distill/optimizer.h"
#include "train/parallel/processes.h"

namespace starnest::train {

struct StudentSize {
  std::string name;
  SizeContext context;
  double weight = 1;  // of its gradient in the sum
  // Where the context depends on a router: its parameters, and what the size's budget adds to the loss.
  std::vector<Tensor> router = {};
  Tensor budget_loss = {};
};

// What a size learns from.
struct StudentLoss {
  double clip = 1;           // largest norm of a size's gradient
  double cross_entropy = 0;  // part of the loss that is cross entropy on the text, in [0, 1]; the rest is KL
};

struct SizeResult {
  double kl = 0;             // nats per completion position
  double gradient_norm = 0;  // before clipping
  bool clipped = false;
  double cosine = 1;      // of its gradient with that of the first size
  double worst_load = 0;  // as ExpertLoad::worst

  bool finite() const;  // KL and norm
};

struct SandwichResult {
  std::vector<SizeResult> sizes;  // in the order given
  std::vector<Tensor> gradients;  // sum_b weight_b clip(g_b), in the order of Parameters::trained()
  // Sum over sizes, not clipped, in the order of StudentSize::router; some may be undefined. Empty without a router.
  std::vector<Tensor> router_gradients;
};

// Runs every size on the batch against the same teacher logits [n, V] at the completion positions. Each size's gradient
// is clipped on its own before the sum: at the start the small size's KL is nats and the full one's 0, and a joint clip
// lets the small one rewrite the part they share.
// Where `batch` is one process's share, results and gradients are those of the whole batch, equal in every process.
SandwichResult sandwich(const Parameters& student, const Tensor& teacher, const BatchTensors& batch,
                        std::span<const StudentSize> sizes, const StudentLoss& loss, const Processes& processes = {});

}  // namespace starnest::train
