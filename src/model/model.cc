#include "model/model.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"

namespace starnest {
namespace {

// The part of a batch whose sizes keep a block: since sizes are nested, its first rows.
Batch reaching(const Batch& batch, size_t smallest) {
  const auto count = [&](const auto& parts) {
    size_t n = 0;
    while (n < parts.size() && parts[n].shells >= smallest) ++n;
    return n;
  };
  return {batch.spans.first(count(batch.spans)), batch.runs.first(count(batch.runs))};
}

}  // namespace

void Model::forward(const Exec& exec, std::span<const TokenId> ids, const Batch& batch, MatView<float> x) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  const MatView<float> y = exec.arena.matrix(x.rows, x.cols);
  embed(exec, batch, ids, embedding, x);  // x = E[ids]
  for (const Block& block : blocks) {
    const Batch here = reaching(batch, block.smallest);
    if (here.spans.empty()) continue;
    rms_norm(exec, here, hidden, x, block.norm, norm_eps, u);                              // u = norm(x)
    std::visit([&](const auto& mixer) { mixer.forward(exec, here, u, y); }, block.mixer);  // y = mixer(u)
    add(exec, here, hidden, y, x);                                                         // x <- x + y
  }
}

void Model::logits(const Exec& exec, const Batch& batch, MatView<const float> x, MatView<float> logits) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  rms_norm(exec, batch, hidden, x, final_norm, norm_eps, u);
  matmul(exec, batch, u, std::array{Product{head, logits}});  // l = W_head norm(x)
}

}  // namespace starnest
