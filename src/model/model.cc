#include "model/model.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"

namespace starnest {
namespace {

struct RunMixer {
  const Exec& exec;
  MatView<const float> u;
  const Batch& batch;
  size_t block;
  MatView<float> y;

  void operator()(const Mamba2& mixer) const { mixer.forward(exec, u, batch, block, y); }
  void operator()(const Attention& mixer) const { mixer.forward(exec, u, batch, block, y); }
  void operator()(const Mlp& mixer) const { mixer.forward(exec, u, batch.spans, y); }
  void operator()(const Moe& mixer) const { mixer.forward(exec, u, batch.spans, y); }
};

// The part of a batch whose sizes keep a block: since sizes are nested, its first rows.
Batch reaching(const Batch& batch, size_t smallest) {
  const auto count = [&](const auto& parts, auto size) {
    size_t n = 0;
    while (n < parts.size() && parts[n].*size >= smallest) ++n;
    return n;
  };
  return {batch.runs.first(count(batch.runs, &SequenceRun::size)),
          batch.spans.first(count(batch.spans, &RowSpan::shells))};
}

}  // namespace

void Model::norm_rows(const Exec& exec, std::span<const RowSpan> spans, VecView<const float> gain,
                      MatView<const float> x, MatView<float> u) const {
  for_each_span(spans, [&](size_t first, size_t rows, size_t size) {
    const size_t width = hidden(size);
    rms_norm(exec, part(x, first, rows, width), {gain.data, width}, norm_eps, part(u, first, rows, width));
  });
}

void Model::forward(const Exec& exec, std::span<const TokenId> ids, const Batch& batch, MatView<float> x) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  const MatView<float> y = exec.arena.matrix(x.rows, x.cols);
  for_each_span(batch.spans, [&](size_t first, size_t rows, size_t size) {
    embed(exec, ids.subspan(first, rows), embedding, part(x, first, rows, hidden(size)));  // x = E[ids]
  });
  for (size_t b = 0; b < blocks.size(); ++b) {
    const Block& block = blocks[b];
    const Batch here = reaching(batch, block.smallest);
    if (here.runs.empty()) continue;
    norm_rows(exec, here.spans, block.norm, x, u);           // u = norm(x)
    std::visit(RunMixer{exec, u, here, b, y}, block.mixer);  // y = mixer(u)
    for_each_span(here.spans, [&](size_t first, size_t rows, size_t size) {
      add(exec, part(y, first, rows, hidden(size)), part(x, first, rows, hidden(size)));  // x <- x + y
    });
  }
}

void Model::logits(const Exec& exec, std::span<const RowSpan> spans, MatView<const float> x,
                   MatView<float> logits) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> u = exec.arena.matrix(x.rows, x.cols);
  norm_rows(exec, spans, final_norm, x, u);
  matmul(exec, u, spans, std::array{Product{head, logits}});  // l = W_head norm(x)
}

}  // namespace starnest
