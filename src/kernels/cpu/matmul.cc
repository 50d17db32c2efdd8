#include "kernels/matmul.h"

#include <algorithm>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/panel_run.h"
#include "kernels/cpu/table.h"

namespace starnest::cpu {
namespace {

std::span<TileToken> tokens_of(Arena& arena, const Batch& batch, MatView<const float> x) {
  const std::span<TileToken> tokens = arena.array<TileToken>(batch.rows());
  for_each_row(batch, [&](size_t t, size_t shells) { tokens[t] = {x.row(t), shells}; });
  return tokens;
}

// Tiles of all tokens, packed for the products that read x in one form.
struct PackedInput {
  InputForm form;
  std::span<const TokenTile> tiles;
};

std::span<const TokenTile> packed_tiles(const Exec& exec, const MatmulKernels& kernels,
                                        std::span<const TileToken> tokens, std::span<const Product> products,
                                        const InputForm& form) {
  const PackedMatrix* widest = nullptr;
  for (const Product& p : products)
    if (form_for(kernels, p.w) == form && (!widest || p.w.cols() > widest->cols())) widest = &p.w;
  const PackedMatrix w = widest->first(tokens.front().shells);
  const std::span<TokenTile> tiles = cut_tiles(exec.arena, tokens, 0, w.cols(), form);
  exec.pool.parallel_for(tiles.size(), grain_of(w.cols() * tiles.front().tokens.size()), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) pack_tile(tiles[i], *widest, form);
  });
  return tiles;
}

// One for each form that the products ask for, nearly always one alone.
std::span<const PackedInput> packed_inputs(const Exec& exec, const MatmulKernels& kernels,
                                           std::span<const TileToken> tokens, std::span<const Product> products) {
  const std::span<PackedInput> inputs = exec.arena.array<PackedInput>(products.size());
  size_t count = 0;
  for (const Product& p : products) {
    const InputForm form = form_for(kernels, p.w);
    const bool known = std::any_of(inputs.begin(), inputs.begin() + std::ptrdiff_t(count),
                                   [&](const PackedInput& input) { return input.form == form; });
    if (!known) inputs[count++] = {form, packed_tiles(exec, kernels, tokens, products, form)};
  }
  return inputs.first(count);
}

std::span<const TokenTile> tiles_of(std::span<const PackedInput> inputs, const InputForm& form) {
  return std::find_if(inputs.begin(), inputs.end(), [&](const PackedInput& input) { return input.form == form; })
      ->tiles;
}

void run(const MatmulKernels& kernels, const Exec& exec, const Batch& batch, MatView<const float> x,
         std::span<const Product> products) {
  const ScratchScope scratch(exec.arena);
  const std::span<const TileToken> tokens = tokens_of(exec.arena, batch, x);
  const std::span<const PackedInput> inputs = packed_inputs(exec, kernels, tokens, products);

  const size_t shells = batch.shells();
  size_t panels = 0, columns = 0;
  for (const Product& p : products) {
    panels += panel_count(p.w.first(shells));
    columns = std::max(columns, p.w.first(shells).cols());
  }
  const size_t work = kPanelRows * columns * (tokens.size() + kReadTokens);
  exec.pool.parallel_for(panels, grain_of(work), [&](size_t begin, size_t end) {
    size_t first = 0;  // panel of the product in that count
    for (const Product& p : products) {
      const PackedMatrix w = p.w.first(shells);
      const size_t count = panel_count(w), from = std::max(begin, first), upto = std::min(end, first + count);
      if (from < upto)
        run_panels(kernels, w, tiles_of(inputs, form_for(kernels, w)), {from - first, upto - first}, p.y);
      first += count;
    }
  });
}

template <Isa isa>
void matmul(const Exec& exec, const Batch& batch, MatView<const float> x, std::span<const Product> products) {
  run(kernels_of(isa), exec, batch, x, products);
}

}  // namespace

void put_matmul(Ops& ops, Isa isa) { ops.matmul = STARNEST_FOR_ISA(matmul, isa); }

}  // namespace starnest::cpu
