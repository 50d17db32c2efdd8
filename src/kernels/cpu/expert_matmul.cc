#include "kernels/expert_matmul.h"

#include <algorithm>

#include "kernels/cpu/panel_run.h"
#include "kernels/cpu/shares.h"
#include "kernels/cpu/table.h"

namespace starnest::cpu {
namespace {

// What one expert has to do: its panels against its tokens.
struct ExpertWork {
  PackedMatrix w;  // as many shells as its largest token uses
  std::span<TokenTile> tiles;
};

// Shells of every token of the batch.
std::span<const size_t> shells_of(Arena& arena, const Batch& batch) {
  const std::span<size_t> of_tokens = arena.array<size_t>(batch.rows());
  for_each_row(batch, [&](size_t t, size_t shells) { of_tokens[t] = shells; });
  return of_tokens;
}

std::span<const TileToken> tokens_of(Arena& arena, const Batch& batch, MatView<const float> x, ExpertInput input,
                                     const ExpertGroups& groups) {
  const std::span<const size_t> shells = shells_of(arena, batch);
  const std::span<TileToken> tokens = arena.array<TileToken>(groups.rows.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t t = size_t(groups.rows[i]);
    SN_CHECK(t < shells.size(), "expert_matmul: token out of range");
    tokens[i] = {x.row(input == ExpertInput::tokens ? t : i), shells[t]};
  }
  return tokens;
}

std::span<const ExpertWork> works_of(Arena& arena, const MatmulKernels& kernels, std::span<const TileToken> tokens,
                                     const ExpertGroups& groups, std::span<const PackedMatrix> experts) {
  const std::span<ExpertWork> works = arena.array<ExpertWork>(experts.size());
  size_t count = 0;
  for (size_t e = 0; e < experts.size(); ++e) {
    const size_t first = groups.begin[e], size = groups.begin[e + 1] - first;
    if (size == 0) continue;
    const std::span<const TileToken> own = tokens.subspan(first, size);
    SN_CHECK(own.front().shells <= experts[e].shells.size(), "expert_matmul: more shells than the weight has");
    const PackedMatrix w = experts[e].first(own.front().shells);
    works[count++] = {w, cut_tiles(arena, own, first, w.cols(), form_for(kernels, w))};
  }
  return works.first(count);
}

size_t tokens_in(const ExpertWork& work) {
  size_t count = 0;
  for (const TokenTile& tile : work.tiles) count += tile.tokens.size();
  return count;
}

void pack_all(const Exec& exec, const MatmulKernels& kernels, std::span<const ExpertWork> works, size_t numbers) {
  exec.pool.parallel_for(works.size(), grain_of(numbers / std::max<size_t>(works.size(), 1)),
                         [&](size_t begin, size_t end) {
                           for (const ExpertWork& work : works.subspan(begin, end - begin))
                             for (const TokenTile& tile : work.tiles)
                               pack_tile(tile, work.w, form_for(kernels, work.w));
                         });
}

void run(const MatmulKernels& kernels, const Exec& exec, const Batch& batch, MatView<const float> x, ExpertInput input,
         const ExpertGroups& groups, std::span<const PackedMatrix> experts, MatView<float> y) {
  const ScratchScope scratch(exec.arena);
  const std::span<const TileToken> tokens = tokens_of(exec.arena, batch, x, input, groups);
  const std::span<const ExpertWork> works = works_of(exec.arena, kernels, tokens, groups, experts);
  const std::span<Share> shares = exec.arena.array<Share>(works.size());
  size_t columns = 0;
  for (size_t i = 0; i < works.size(); ++i) {
    const ExpertWork& work = works[i];
    SN_CHECK(work.w.cols() <= x.cols && work.w.rows() <= y.cols, "expert_matmul: shapes do not fit");
    columns = std::max(columns, work.w.cols());
    shares[i] = {panel_count(work.w), kPanelRows * work.w.cols() * (tokens_in(work) + kReadTokens)};
  }
  pack_all(exec, kernels, works, columns * tokens.size());
  parallel_shares(exec, shares, [&](size_t i, size_t begin, size_t end) {
    run_panels(kernels, works[i].w, works[i].tiles, {begin, end}, y);
  });
}

template <Isa isa>
void expert_matmul(const Exec& exec, const Batch& batch, MatView<const float> x, ExpertInput input,
                   const ExpertGroups& groups, std::span<const PackedMatrix> experts, MatView<float> y) {
  run(kernels_of(isa), exec, batch, x, input, groups, experts, y);
}

}  // namespace

void put_expert_matmul(Ops& ops, Isa isa) { ops.expert_matmul = STARNEST_FOR_ISA(expert_matmul, isa); }

}  // namespace starnest::cpu
