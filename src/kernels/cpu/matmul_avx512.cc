// AVX-512 in F32: 2 x 16 rows, up to 12 tokens, 24 sums in registers. BF16 weights are expanded exactly.
#include <immintrin.h>

#include "kernels/cpu/matmul_avx512-inl.h"
#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

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

// 128 bytes of panel at a time: one column of F32 or a pair of BF16.
template <bool narrow, size_t tokens, bool ahead>
void fma_tile(const PanelTile& tile) {
  RowSums<tokens> rows(tile);
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
      accumulate(rows.sums, even(w0), even(w1), x);
      if (k + 1 < tile.columns) accumulate(rows.sums, odd(w0), odd(w1), x + tile.x_stride);
    } else {
      accumulate(rows.sums, _mm512_castsi512_ps(w0), _mm512_castsi512_ps(w1), x);
    }
  }
  rows.store();
}

template <size_t tokens, bool ahead>
struct F32Tile {
  static void run(const PanelTile& tile) { fma_tile<false, tokens, ahead>(tile); }
};

template <size_t tokens, bool ahead>
struct Bf16Tile {
  static void run(const PanelTile& tile) { fma_tile<true, tokens, ahead>(tile); }
};

__m512 low_half(__m512i f16) { return _mm512_cvtph_ps(_mm512_castsi512_si256(f16)); }
__m512 high_half(__m512i f16) { return _mm512_cvtph_ps(_mm512_extracti64x4_epi64(f16, 1)); }

template <size_t tokens, bool ahead>
struct Fp8Tile {
  static void run(const PanelTile& tile) {
    const __m512i low = _mm512_set1_epi16(0x7f), sign = _mm512_set1_epi16(int16_t(0x8000));
    RowSums<tokens> rows(tile);
    const std::byte* panel = tile.panel;
    const uint32_t* x = tile.x;
    for (size_t k = 0; k < tile.columns; k += 2, panel += 64, x += 2 * tile.x_stride) {
      if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
      const __m512i pairs = _mm512_load_si512(panel);
      const __m512i even = _mm512_or_si512(_mm512_slli_epi16(_mm512_and_si512(pairs, low), 7),
                                           _mm512_and_si512(_mm512_slli_epi16(pairs, 8), sign));
      accumulate(rows.sums, low_half(even), high_half(even), x);
      if (k + 1 == tile.columns) break;
      const __m512i odd = _mm512_or_si512(_mm512_slli_epi16(_mm512_and_si512(_mm512_srli_epi16(pairs, 8), low), 7),
                                          _mm512_and_si512(pairs, sign));
      accumulate(rows.sums, low_half(odd), high_half(odd), x + tile.x_stride);
    }
    rows.store();
  }
};

template <size_t tokens, bool ahead>
struct Nvfp4Tile {
  static void run(const PanelTile& tile) {
    RowSums<tokens> rows(tile);
    run_records<tokens, ahead>(tile, rows, [](const __m512i(&w)[4], const uint32_t* x, size_t stride) {
      // Products of the pairs of a word fit 16 bits, and so do the sums of four words: 4 x 2 x 24 x 127 < 2^15.
      __m512i products = _mm512_maddubs_epi16(w[0], _mm512_set1_epi32(int(x[0])));
      for (size_t word = 1; word < 4; ++word)
        products = _mm512_add_epi16(products, _mm512_maddubs_epi16(w[word], _mm512_set1_epi32(int(x[word * stride]))));
      return _mm512_add_epi32(_mm512_set1_epi32(int(x[5 * stride])), _mm512_madd_epi16(products, _mm512_set1_epi16(1)));
    });
    rows.store();
  }
};

}  // namespace

MatmulKernels avx512_kernels() {
  return {.f32 = {kMaxTokens, Activations::f32, 1, run_tile<F32Tile, kMaxTokens>},
          .bf16 = {kMaxTokens, Activations::f32, 1, run_tile<Bf16Tile, kMaxTokens>},
          .fp8 = {kMaxTokens, Activations::f32, kE4m3AsF16, run_tile<Fp8Tile, kMaxTokens>},
          .nvfp4 = {kMaxTokens, Activations::int8_blocks, kRecordFactor, run_tile<Nvfp4Tile, kMaxTokens>}};
}

}  // namespace starnest::cpu
