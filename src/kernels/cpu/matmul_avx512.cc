// AVX-512 in F32: 2 x 16 rows, up to 12 tokens, 24 sums in registers. BF16 weights are expanded exactly.
#include <immintrin.h>

#include <utility>

#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kAhead = 16 << 10;  // bytes

struct Sums {
  __m512 low, high;
};

__mmask16 first_lanes(size_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

__m512 even(__m512i pairs) { return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)); }
__m512 odd(__m512i pairs) { return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(int(0xffff0000u)))); }

template <size_t tokens>
void accumulate(Sums (&sums)[tokens], __m512 w0, __m512 w1, const uint32_t* x) {
  for (size_t j = 0; j < tokens; ++j) {
    const __m512 value = _mm512_castsi512_ps(_mm512_set1_epi32(int(x[j])));
    sums[j].low = _mm512_fmadd_ps(w0, value, sums[j].low);
    sums[j].high = _mm512_fmadd_ps(w1, value, sums[j].high);
  }
}

// `step` bytes of panel at a time, which are `columns` columns: one of F32 or a pair of BF16, both 128 bytes.
template <bool narrow, size_t tokens, bool ahead>
void fma_tile(const PanelTile& tile) {
  const __mmask16 low = first_lanes(tile.rows), high = first_lanes(tile.rows > 16 ? tile.rows - 16 : 0);
  Sums sums[tokens];
  for (size_t j = 0; j < tokens; ++j) {
    const float* y = tile.y + j * tile.y_stride;
    sums[j].low = tile.continues ? _mm512_maskz_loadu_ps(low, y) : _mm512_setzero_ps();
    sums[j].high = tile.continues ? _mm512_maskz_loadu_ps(high, y + 16) : _mm512_setzero_ps();
  }
  const std::byte* panel = tile.panel;
  const uint32_t* x = tile.x;
  constexpr size_t kColumns = narrow ? 2 : 1;
  for (size_t k = 0; k < tile.columns; k += kColumns, panel += 128, x += kColumns * tile.x_stride) {
    const __m512i w0 = _mm512_load_si512(panel), w1 = _mm512_load_si512(panel + 64);
    if constexpr (ahead) {
      _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead + 64, _MM_HINT_T1);
    }
    if constexpr (narrow) {
      accumulate(sums, even(w0), even(w1), x);
      if (k + 1 < tile.columns) accumulate(sums, odd(w0), odd(w1), x + tile.x_stride);
    } else {
      accumulate(sums, _mm512_castsi512_ps(w0), _mm512_castsi512_ps(w1), x);
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

template <bool narrow, bool ahead, size_t... n>
Run pick(size_t tokens, std::index_sequence<n...>) {
  static constexpr Run kRuns[] = {fma_tile<narrow, n + 1, ahead>...};
  return kRuns[tokens - 1];
}

template <bool narrow>
void run_tile(const PanelTile& tile) {
  constexpr auto kCounts = std::make_index_sequence<kMaxTokens>();
  (tile.reads_ahead ? pick<narrow, true>(tile.tokens, kCounts) : pick<narrow, false>(tile.tokens, kCounts))(tile);
}

}  // namespace

MatmulKernels avx512_kernels() { return {kMaxTokens, Activations::f32, run_tile<true>, run_tile<false>}; }

}  // namespace starnest::cpu
