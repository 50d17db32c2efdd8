// AVX-512 with the BF16 dot product: 2 x 16 rows, up to 12 tokens, 24 sums in registers.
#include <immintrin.h>

#include <utility>

#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kPanelBytes = 128;  // of one pair of columns
constexpr size_t kAhead = 16 << 10;  // bytes

struct Sums {
  __m512 low, high;
};

__mmask16 first_lanes(size_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

__m512bh pairs(__m512i bits) { return (__m512bh)bits; }

template <size_t tokens, bool ahead>
void dot_tile(const PanelTile& tile) {
  const __mmask16 low = first_lanes(tile.rows), high = first_lanes(tile.rows > 16 ? tile.rows - 16 : 0);
  Sums sums[tokens];
  for (size_t j = 0; j < tokens; ++j) {
    const float* y = tile.y + j * tile.y_stride;
    sums[j].low = tile.continues ? _mm512_maskz_loadu_ps(low, y) : _mm512_setzero_ps();
    sums[j].high = tile.continues ? _mm512_maskz_loadu_ps(high, y + 16) : _mm512_setzero_ps();
  }
  const std::byte* panel = tile.panel;
  const uint32_t* x = tile.x;
  const std::byte* const end = panel + (tile.columns + 1) / 2 * kPanelBytes;
#pragma GCC unroll 4
  for (; panel != end; panel += kPanelBytes, x += tile.x_stride) {
    const __m512bh w0 = pairs(_mm512_load_si512(panel)), w1 = pairs(_mm512_load_si512(panel + 64));
    if constexpr (ahead) {
      _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead + 64, _MM_HINT_T1);
    }
    for (size_t j = 0; j < tokens; ++j) {
      const __m512bh value = pairs(_mm512_set1_epi32(int(x[j])));
      sums[j].low = _mm512_dpbf16_ps(sums[j].low, w0, value);
      sums[j].high = _mm512_dpbf16_ps(sums[j].high, w1, value);
    }
  }
  for (size_t j = 0; j < tokens; ++j) {
    float* y = tile.y + j * tile.y_stride;
    _mm512_mask_storeu_ps(y, low, sums[j].low);
    _mm512_mask_storeu_ps(y + 16, high, sums[j].high);
  }
}

using Run = void (*)(const PanelTile&);
constexpr size_t kMaxTokens = 12;

template <bool ahead, size_t... n>
Run pick(size_t tokens, std::index_sequence<n...>) {
  static constexpr Run kRuns[] = {dot_tile<n + 1, ahead>...};
  return kRuns[tokens - 1];
}

void bf16_tile(const PanelTile& tile) {
  constexpr auto kCounts = std::make_index_sequence<kMaxTokens>();
  (tile.reads_ahead ? pick<true>(tile.tokens, kCounts) : pick<false>(tile.tokens, kCounts))(tile);
}

}  // namespace

MatmulKernels avx512bf16_kernels() {
  MatmulKernels kernels = avx512_kernels();
  kernels.with_bf16 = Activations::bf16_pairs;
  kernels.bf16 = bf16_tile;
  return kernels;
}

}  // namespace starnest::cpu
