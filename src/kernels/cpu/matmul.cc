#include "kernels/matmul.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/panel_run.h"

namespace starnest {
namespace {

void check(MatView<const float> x, std::span<const RowSpan> spans, std::span<const Product> products) {
  const size_t rows = rows_in(spans);
  SN_CHECK(!products.empty() && rows <= x.rows, "matmul: more rows in the spans than in x");
  for (size_t i = 0; i < spans.size(); ++i) {
    SN_CHECK(i == 0 || spans[i].shells <= spans[i - 1].shells, "matmul: spans are not sorted, largest size first");
    for (const Product& p : products) {
      SN_CHECK(spans[i].shells <= p.w.shells.size(), "matmul: more shells than the weight has");
      const PackedMatrix w = p.w.first(spans[i].shells);
      SN_CHECK(w.cols() <= x.cols && w.rows() <= p.y.cols && p.y.rows >= rows, "matmul: shapes do not fit");
      SN_CHECK(w.dtype == DType::f32 || w.dtype == DType::bf16, "matmul: the weight is neither f32 nor bf16");
    }
  }
}

std::span<TileToken> tokens_of(Arena& arena, MatView<const float> x, std::span<const RowSpan> spans) {
  const std::span<TileToken> tokens = arena.array<TileToken>(rows_in(spans));
  size_t t = 0;
  for (const RowSpan& span : spans)
    for (size_t i = 0; i < span.rows; ++i, ++t) tokens[t] = {x.row(t), span.shells};
  return tokens;
}

// Tiles of all tokens, packed for products of one kind; empty when there is none of that kind.
std::span<const TokenTile> packed_tiles(const Exec& exec, std::span<const TileToken> tokens,
                                        std::span<const Product> products, bool pairs) {
  const PackedMatrix* widest = nullptr;
  for (const Product& p : products)
    if ((p.w.dtype == DType::bf16 && matmul_kernels().bf16_pairs) == pairs && (!widest || p.w.cols() > widest->cols()))
      widest = &p.w;
  if (!widest) return {};
  const PackedMatrix w = widest->first(tokens.front().shells);
  const std::span<TokenTile> tiles = cut_tiles(exec.arena, tokens, 0, w.cols(), pairs);
  exec.pool.parallel_for(tiles.size(), grain_of(w.cols() * tiles.front().tokens.size()), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) pack_tile(tiles[i], *widest, pairs);
  });
  return tiles;
}

}  // namespace

void matmul(const Exec& exec, MatView<const float> x, std::span<const RowSpan> spans,
            std::span<const Product> products) {
  check(x, spans, products);
  if (rows_in(spans) == 0) return;
  const ScratchScope scratch(exec.arena);
  const MatmulKernels& kernels = matmul_kernels();
  const std::span<const TileToken> tokens = tokens_of(exec.arena, x, spans);
  const std::span<const TokenTile> as_floats = packed_tiles(exec, tokens, products, /*pairs=*/false);
  const std::span<const TokenTile> as_pairs = packed_tiles(exec, tokens, products, /*pairs=*/true);

  const size_t shells = tokens.front().shells;
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
      const bool pairs = w.dtype == DType::bf16 && kernels.bf16_pairs;
      if (from < upto) run_panels(kernels, w, pairs ? as_pairs : as_floats, {from - first, upto - first}, p.y);
      first += count;
    }
  });
}

}  // namespace starnest
