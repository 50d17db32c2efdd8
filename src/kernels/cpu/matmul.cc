#include "kernels/matmul.h"

#include <array>

#include "hwy/cache_control.h"
#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_MATMUL_CC_
#define STARNEST_KERNELS_CPU_MATMUL_CC_
namespace starnest {
namespace {

constexpr size_t kRowBlock = 8;  // rows in turn for each tile of tokens; the rows of every tile divide it

}  // namespace
}  // namespace starnest
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

// Registers: rows * tokens sums, one vector of x per token, one of w.
constexpr size_t kMaxTileTokens = kWidth >= 16 ? 6 : 3;
constexpr size_t tile_rows(size_t tokens) { return tokens * 8 <= (kWidth >= 16 ? 24 : 8) ? 8 : 4; }

// The outputs (t, r) of a small tile. Lanes run over the contraction; each output has one vector of sums, so its bits
// are the same in every tile shape.
template <class Number, size_t rows, size_t tokens>
void tile(MatView<const float> x, const WeightView& w, MatView<float> y, size_t t, size_t r, Store how) {
  Vector sums[rows][tokens];
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < tokens; ++j) sums[i][j] = zero();

  const Number* wr = w.row<Number>(r);
  const float* xt = x.row(t);
  // Wide tiles bring the next block's rows into cache while they compute (4 to 64 tokens: 1.2 to 1.4 times as fast);
  // narrow ones are bound by reading anyway.
  size_t k = 0;
  for (; k + kWidth <= w.cols; k += kWidth) {
    Vector xs[tokens];
    for (size_t j = 0; j < tokens; ++j) xs[j] = load(xt + j * x.stride + k);
    for (size_t i = 0; i < rows; ++i) {
      if constexpr (tokens >= 3) hwy::Prefetch(wr + (i + kRowBlock) * w.stride + k);
      const Vector ws = load(wr + i * w.stride + k);
      for (size_t j = 0; j < tokens; ++j) sums[i][j] = hn::MulAdd(xs[j], ws, sums[i][j]);
    }
  }
  if (k < w.cols) {
    Vector xs[tokens];
    for (size_t j = 0; j < tokens; ++j) xs[j] = load_part(xt + j * x.stride + k, w.cols - k);
    for (size_t i = 0; i < rows; ++i) {
      const Vector ws = load_part(wr + i * w.stride + k, w.cols - k);
      for (size_t j = 0; j < tokens; ++j) sums[i][j] = hn::MulAdd(xs[j], ws, sums[i][j]);
    }
  }

  for (size_t j = 0; j < tokens; ++j) {
    float* out = y.row(t + j) + r;
    float results[rows];
    if constexpr (rows == 1) {
      results[0] = sum_of(sums[0][j]);
    } else {
      for (size_t i = 0; i < rows; i += 4)
        sums_of_four(sums[i][j], sums[i + 1][j], sums[i + 2][j], sums[i + 3][j], results + i);
    }
    for (size_t i = 0; i < rows; ++i) out[i] = how == Store::add ? out[i] + results[i] : results[i];
  }
}

using Tile = void (*)(MatView<const float>, const WeightView&, MatView<float>, size_t t, size_t r, Store);
struct TilePair {
  Tile full, single;  // tile_rows(tokens) rows, one row
};

template <class Number, size_t... token>
constexpr std::array<TilePair, sizeof...(token)> tiles_for(std::index_sequence<token...>) {
  return {TilePair{tile<Number, tile_rows(token + 1), token + 1>, tile<Number, 1, token + 1>}...};
}

template <class Number>
void matmul_as(MatView<const float> x, const WeightView& w, MatView<float> y, Store how) {
  static constexpr auto kTiles = tiles_for<Number>(std::make_index_sequence<kMaxTileTokens>());
  const size_t tiles = (x.rows + kMaxTileTokens - 1) / kMaxTileTokens;  // of nearly equal numbers of tokens
  for (size_t r = 0; r < w.rows; r += kRowBlock) {
    const size_t last = std::min(w.rows, r + kRowBlock);
    for (size_t i = 0; i < tiles; ++i) {
      const size_t t = x.rows * i / tiles, tokens = x.rows * (i + 1) / tiles - t;
      const TilePair& pair = kTiles[tokens - 1];
      size_t row = r;
      for (; row + tile_rows(tokens) <= last; row += tile_rows(tokens)) pair.full(x, w, y, t, row, how);
      for (; row < last; ++row) pair.single(x, w, y, t, row, how);
    }
  }
}

void matmul_part(MatView<const float> x, const WeightView& w, MatView<float> y, Store how) {
  w.dtype == DType::bf16 ? matmul_as<bf16>(x, w, y, how) : matmul_as<float>(x, w, y, how);
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(matmul_part);

constexpr size_t kBlockBytes = 640 << 10;  // of x, that stay in the second-level cache while the weights stream by

// Tokens in nearly equal blocks of that size.
void matmul_blocks(MatView<const float> x, const WeightView& w, MatView<float> y, Store how) {
  const size_t most = std::max<size_t>(24, kBlockBytes / sizeof(float) / std::max<size_t>(w.cols, 1));
  const size_t blocks = (x.rows + most - 1) / most;
  for (size_t i = 0; i < blocks; ++i) {
    const size_t t = x.rows * i / blocks, tokens = x.rows * (i + 1) / blocks - t;
    HWY_DYNAMIC_DISPATCH(matmul_part)(x.row_range(t, tokens), w, y.row_range(t, tokens), how);
  }
}

}  // namespace

void matmul(const Exec& exec, MatView<const float> x, const WeightView& w, MatView<float> y, Store store) {
  SN_CHECK(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows, "matmul: shapes do not fit");
  SN_CHECK(w.dtype == DType::f32 || w.dtype == DType::bf16, "matmul: the weight is neither f32 nor bf16");
  const size_t blocks = (w.rows + kRowBlock - 1) / kRowBlock;
  if (blocks >= size_t(exec.pool.threads()) || x.rows < 2) {
    exec.pool.parallel_for(blocks, grain_of(kRowBlock * x.rows * w.cols), [&](size_t begin, size_t end) {
      const size_t first = begin * kRowBlock, count = std::min(end * kRowBlock, w.rows) - first;
      matmul_blocks(x, w.row_range(first, count), y.col_range(first, count), store);
    });
  } else {
    exec.pool.parallel_for(x.rows, grain_of(w.rows * w.cols), [&](size_t begin, size_t end) {
      matmul_blocks(x.row_range(begin, end - begin), w, y.row_range(begin, end - begin), store);
    });
  }
}

}  // namespace starnest
#endif
