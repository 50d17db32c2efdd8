// AVX2 with FMA: up to two tokens take all 32 rows at once, more take them in two halves of 16 rows and 6 tokens, 12
// sums in registers. BF16 weights are expanded exactly.
#include <immintrin.h>

#include <utility>

#include "kernels/cpu/matmul_tile.h"

namespace starnest {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kAhead = 8 << 10;  // bytes

__m256i lanes_below(size_t count) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), index);
}

__m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
__m256 odd(__m256i pairs) { return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(int(0xffff0000u)))); }

// Rows [first, first + vectors * 8) of the panel.
template <bool narrow, size_t vectors, size_t tokens, bool ahead>
void rows_tile(const PanelTile& tile, size_t first) {
  __m256 sums[tokens][vectors];
  __m256i mask[vectors];
  for (size_t v = 0; v < vectors; ++v) {
    const size_t row = first + v * kLanes;
    mask[v] = lanes_below(tile.rows > row ? tile.rows - row : 0);
    for (size_t j = 0; j < tokens; ++j)
      sums[j][v] = tile.continues ? _mm256_maskload_ps(tile.y + j * tile.y_stride + row, mask[v]) : _mm256_setzero_ps();
  }
  const std::byte* panel = tile.panel + first * 4;
  const uint32_t* x = tile.x;
  const auto accumulate = [&](const __m256(&w)[vectors], const uint32_t* values) {
    for (size_t j = 0; j < tokens; ++j) {
      const __m256 value = _mm256_broadcast_ss(reinterpret_cast<const float*>(values) + j);
      for (size_t v = 0; v < vectors; ++v) sums[j][v] = _mm256_fmadd_ps(w[v], value, sums[j][v]);
    }
  };
  constexpr size_t kColumns = narrow ? 2 : 1;
  for (size_t k = 0; k < tile.columns; k += kColumns, panel += 128, x += kColumns * tile.x_stride) {
    __m256i bits[vectors];
    __m256 w[vectors];
    for (size_t v = 0; v < vectors; ++v)
      bits[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(panel + v * kLanes * 4));
    if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
    for (size_t v = 0; v < vectors; ++v) w[v] = narrow ? even(bits[v]) : _mm256_castsi256_ps(bits[v]);
    accumulate(w, x);
    if constexpr (narrow) {
      if (k + 1 == tile.columns) break;
      for (size_t v = 0; v < vectors; ++v) w[v] = odd(bits[v]);
      accumulate(w, x + tile.x_stride);
    }
  }
  for (size_t v = 0; v < vectors; ++v)
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
constexpr size_t kMaxTokens = 6;

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

MatmulKernels avx2_kernels() { return {kMaxTokens, false, run_tile<true>, run_tile<false>}; }

}  // namespace starnest
