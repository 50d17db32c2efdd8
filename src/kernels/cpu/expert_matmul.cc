#include "kernels/expert_matmul.h"

#include <algorithm>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/panel_run.h"

namespace starnest {
namespace {

// What one expert has to do: its panels against its tokens.
struct ExpertWork {
  PackedMatrix w;  // as many shells as its largest token uses
  std::span<TokenTile> tiles;
  size_t panels = 0;
  size_t cost = 0;  // of one panel
};

bool wants_pairs(const PackedMatrix& w) { return w.dtype == DType::bf16 && matmul_kernels().bf16_pairs; }

// Shells of every token of the batch.
std::span<const size_t> shells_of(Arena& arena, std::span<const RowSpan> spans) {
  const std::span<size_t> shells = arena.array<size_t>(rows_in(spans));
  size_t t = 0;
  for (const RowSpan& span : spans)
    for (size_t i = 0; i < span.rows; ++i) shells[t++] = span.shells;
  return shells;
}

std::span<const TileToken> tokens_of(Arena& arena, MatView<const float> x, ExpertInput input,
                                     const ExpertGroups& groups, std::span<const RowSpan> spans) {
  const std::span<const size_t> shells = shells_of(arena, spans);
  const std::span<TileToken> tokens = arena.array<TileToken>(groups.rows.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t t = size_t(groups.rows[i]);
    SN_CHECK(t < shells.size(), "expert_matmul: token out of range");
    tokens[i] = {x.row(input == ExpertInput::tokens ? t : i), shells[t]};
  }
  return tokens;
}

std::span<const ExpertWork> works_of(Arena& arena, std::span<const TileToken> tokens, const ExpertGroups& groups,
                                     std::span<const PackedMatrix> experts) {
  const std::span<ExpertWork> works = arena.array<ExpertWork>(experts.size());
  size_t count = 0;
  for (size_t e = 0; e < experts.size(); ++e) {
    const size_t first = groups.begin[e], size = groups.begin[e + 1] - first;
    if (size == 0) continue;
    const std::span<const TileToken> own = tokens.subspan(first, size);
    SN_CHECK(own.front().shells <= experts[e].shells.size(), "expert_matmul: more shells than the weight has");
    ExpertWork& work = works[count++];
    work.w = experts[e].first(own.front().shells);
    work.tiles = cut_tiles(arena, own, first, work.w.cols(), wants_pairs(work.w));
    work.panels = panel_count(work.w);
    work.cost = size + kReadTokens;
  }
  return works.first(count);
}

// Runs the (expert, panel) pairs whose work, counted over all of them in turn, begins in [begin, end).
void run_works(std::span<const ExpertWork> works, size_t begin, size_t end, MatView<float> y) {
  const MatmulKernels& kernels = matmul_kernels();
  size_t start = 0;
  for (const ExpertWork& work : works) {
    const auto panel_at = [&](size_t cost) {  // the first panel that begins at or after it
      return cost <= start ? size_t{0} : std::min(work.panels, (cost - start + work.cost - 1) / work.cost);
    };
    const PanelRange panels{panel_at(begin), panel_at(end)};
    if (panels.begin < panels.end) run_panels(kernels, work.w, work.tiles, panels, y);
    start += work.panels * work.cost;
  }
}

}  // namespace

void expert_matmul(const Exec& exec, MatView<const float> x, ExpertInput input, const ExpertGroups& groups,
                   std::span<const RowSpan> spans, std::span<const PackedMatrix> experts, MatView<float> y) {
  SN_CHECK(groups.begin.size() == experts.size() + 1 && groups.rows.size() <= y.rows, "expert_matmul: shapes");
  const ScratchScope scratch(exec.arena);
  const std::span<const TileToken> tokens = tokens_of(exec.arena, x, input, groups, spans);
  const std::span<const ExpertWork> works = works_of(exec.arena, tokens, groups, experts);
  size_t cost = 0, columns = 0, tiles = 0;
  for (const ExpertWork& work : works) {
    SN_CHECK(work.w.cols() <= x.cols && work.w.rows() <= y.cols, "expert_matmul: shapes do not fit");
    cost += work.panels * work.cost;
    columns = std::max(columns, work.w.cols());
    tiles += work.tiles.size();
  }
  exec.pool.parallel_for(works.size(), grain_of(columns * tokens.size() / std::max<size_t>(works.size(), 1)),
                         [&](size_t begin, size_t end) {
                           for (size_t i = begin; i < end; ++i)
                             for (const TokenTile& tile : works[i].tiles)
                               pack_tile(tile, works[i].w, wants_pairs(works[i].w));
                         });
  exec.pool.parallel_for(cost, grain_of(kPanelRows * columns),
                         [&](size_t begin, size_t end) { run_works(works, begin, end, y); });
}

}  // namespace starnest
