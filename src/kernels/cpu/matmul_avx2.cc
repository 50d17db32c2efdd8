// AVX2 with FMA: up to two tokens take all 32 rows at once, three and four in two halves of 16 rows: eight sums in
// registers cover the latency of a multiply-add, and with more than eight GCC spills some and halves the rate. BF16
// weights are expanded exactly.
#include <immintrin.h>

#include <utility>

#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kAhead = 8 << 10;  // bytes

__m256i lanes_below(size_t count) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), index);
}

__m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
__m256 odd(__m256i pairs) { return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(int(0xffff0000u)))); }

// sums += w times one column of x.
template <size_t vectors, size_t tokens>
[[gnu::always_inline]] inline void accumulate(const __m256 (&w)[vectors], const uint32_t* x,
                                              __m256 (&sums)[tokens][vectors]) {
#pragma GCC unroll 8
  for (size_t j = 0; j < tokens; ++j) {
    const __m256 value = _mm256_broadcast_ss(reinterpret_cast<const float*>(x) + j);
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; ++v) sums[j][v] = _mm256_fmadd_ps(w[v], value, sums[j][v]);
  }
}

// Column k of a panel; of a BF16 panel, the even or odd column of the pair at `bits`.
enum class Column { f32, even, odd };
template <Column column, size_t vectors, size_t tokens>
[[gnu::always_inline]] inline void accumulate(const __m256i* bits, const uint32_t* x, __m256 (&sums)[tokens][vectors]) {
  __m256 w[vectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < vectors; ++v) {
    const __m256i loaded = _mm256_load_si256(bits + v);
    w[v] = column == Column::even ? even(loaded) : column == Column::odd ? odd(loaded) : _mm256_castsi256_ps(loaded);
  }
  accumulate(w, x, sums);
}

// Rows [first, first + vectors * 8) of the panel.
template <bool narrow, size_t vectors, size_t tokens, bool ahead>
void rows_tile(const PanelTile& tile, size_t first) {
  __m256 sums[tokens][vectors];
  __m256i mask[vectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < vectors; ++v) {
    const size_t row = first + v * kLanes;
    mask[v] = lanes_below(tile.rows > row ? tile.rows - row : 0);
#pragma GCC unroll 8
    for (size_t j = 0; j < tokens; ++j)
      sums[j][v] = tile.continues ? _mm256_maskload_ps(tile.y + j * tile.y_stride + row, mask[v]) : _mm256_setzero_ps();
  }
  constexpr size_t kColumns = narrow ? 2 : 1;
  const auto* panel = reinterpret_cast<const __m256i*>(tile.panel + first * 4);
  const uint32_t* x = tile.x;
  const size_t stride = tile.x_stride;
  for (size_t left = tile.columns / kColumns; left > 0; --left, panel += 4, x += kColumns * stride) {
    if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
    accumulate<narrow ? Column::even : Column::f32>(panel, x, sums);
    if constexpr (narrow) accumulate<Column::odd>(panel, x + stride, sums);
  }
  if (narrow && tile.columns % 2 != 0) accumulate<Column::even>(panel, x, sums);
#pragma GCC unroll 8
  for (size_t v = 0; v < vectors; ++v)
#pragma GCC unroll 8
    for (size_t j = 0; j < tokens; ++j)
      _mm256_maskstore_ps(tile.y + j * tile.y_stride + first + v * kLanes, mask[v], sums[j][v]);
}

template <bool narrow, size_t tokens, bool ahead>
void panel_tile(const PanelTile& tile) {
  if constexpr (tokens <= 2) {
    rows_tile<narrow, 4, tokens, ahead>(tile, 0);
  } else {
    rows_tile<narrow, 2, tokens, ahead>(tile, 0);
    rows_tile<narrow, 2, tokens, ahead>(tile, 16);
  }
}

using Run = void (*)(const PanelTile&);
constexpr size_t kMaxTokens = 4;

template <bool narrow, bool ahead, size_t... n>
Run pick(size_t tokens, std::index_sequence<n...>) {
  static constexpr Run kRuns[] = {panel_tile<narrow, n + 1, ahead>...};
  return kRuns[tokens - 1];
}

template <bool narrow>
void run_tile(const PanelTile& tile) {
  constexpr auto kCounts = std::make_index_sequence<kMaxTokens>();
  (tile.reads_ahead ? pick<narrow, true>(tile.tokens, kCounts) : pick<narrow, false>(tile.tokens, kCounts))(tile);
}

}  // namespace

MatmulKernels avx2_kernels() { return {kMaxTokens, Activations::f32, run_tile<true>, run_tile<false>}; }

}  // namespace starnest::cpu
