#include "model/model.h"

#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"

namespace starnest {
namespace {

struct RunMixer {
  const Exec& exec;
  MatView<const float> u;
  std::span<const SequenceRun> runs;
  size_t block;
  MatView<float> y;

  void operator()(const Mamba2& mixer) const { mixer.forward(exec, u, runs, block, y); }
  void operator()(const Attention& mixer) const { mixer.forward(exec, u, runs, block, y); }
  void operator()(const Mlp& mixer) const { mixer.forward(exec, u, y); }
  void operator()(const Moe& mixer) const { mixer.forward(exec, u, y); }
};

}  // namespace

void Model::forward(const Exec& exec, std::span<const TokenId> ids, std::span<const SequenceRun> runs,
                    MatView<float> x) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  const MatView<float> y = exec.arena.matrix(x.rows, x.cols);
  embed(exec, ids, embedding, x);  // x = E[ids]
  for (size_t b = 0; b < blocks.size(); ++b) {
    rms_norm(exec, x, blocks[b].norm, norm_eps, u);              // u = norm(x)
    std::visit(RunMixer{exec, u, runs, b, y}, blocks[b].mixer);  // y = mixer(u)
    add(exec, y, x);                                             // x <- x + y
  }
}

void Model::logits(const Exec& exec, MatView<const float> x, MatView<float> logits) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  rms_norm(exec, x, final_norm, norm_eps, u);
  matmul(exec, u, head, logits);  // l = W_head norm(x)
}

}  // namespace starnest
