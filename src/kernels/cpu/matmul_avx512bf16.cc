// AVX-512 with the dot products of BF16 and of int8 (VNNI): 2 x 16 rows, up to 12 tokens, 24 sums in registers.
#include <immintrin.h>

#include "kernels/cpu/matmul_avx512-inl.h"
#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kPanelBytes = 128;  // of one pair of columns

__m512bh pairs(__m512i bits) { return (__m512bh)bits; }

template <size_t tokens, bool ahead>
struct Bf16Tile {
  static void run(const PanelTile& tile) {
    RowSums<tokens> rows(tile);
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
        rows.sums[j].low = _mm512_dpbf16_ps(rows.sums[j].low, w0, value);
        rows.sums[j].high = _mm512_dpbf16_ps(rows.sums[j].high, w1, value);
      }
    }
    rows.store();
  }
};

// E4M3 as BF16, exactly. The dot product takes subnormals for zero, but those of E4M3 are normal numbers of BF16.
__m512i bf16_of_fp8(__m256i codes, __m512i subnormals) {
  const __m512i wide = _mm512_cvtepu8_epi16(codes), magnitude = _mm512_and_si512(wide, _mm512_set1_epi16(0x7f));
  const __m512i sign = _mm512_slli_epi16(_mm512_and_si512(wide, _mm512_set1_epi16(0x80)), 8);
  const __m512i normal = _mm512_add_epi16(_mm512_slli_epi16(magnitude, 4), _mm512_set1_epi16(0x3c00));
  const __mmask32 small = _mm512_cmplt_epu16_mask(magnitude, _mm512_set1_epi16(8));
  return _mm512_or_si512(_mm512_mask_permutexvar_epi16(normal, small, magnitude, subnormals), sign);
}

// 0 to 7 times 2^-9.
__m512i fp8_subnormals() {
  return _mm512_castsi128_si512(_mm_setr_epi16(0, 0x3b00, 0x3b80, 0x3bc0, 0x3c00, 0x3c20, 0x3c40, 0x3c60));
}

template <size_t tokens, bool ahead>
struct Fp8Tile {
  static void run(const PanelTile& tile) {
    const __m512i subnormals = fp8_subnormals();
    RowSums<tokens> rows(tile);
    const std::byte* panel = tile.panel;
    const uint32_t* x = tile.x;
    const std::byte* const end = panel + (tile.columns + 1) / 2 * (kPanelBytes / 2);
    for (; panel != end; panel += kPanelBytes / 2, x += tile.x_stride) {
      if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
      const __m512i codes = _mm512_load_si512(panel);
      const __m512bh w0 = pairs(bf16_of_fp8(_mm512_castsi512_si256(codes), subnormals));
      const __m512bh w1 = pairs(bf16_of_fp8(_mm512_extracti64x4_epi64(codes, 1), subnormals));
      for (size_t j = 0; j < tokens; ++j) {
        const __m512bh value = pairs(_mm512_set1_epi32(int(x[j])));
        rows.sums[j].low = _mm512_dpbf16_ps(rows.sums[j].low, w0, value);
        rows.sums[j].high = _mm512_dpbf16_ps(rows.sums[j].high, w1, value);
      }
    }
    rows.store();
  }
};

template <size_t tokens, bool ahead>
struct Nvfp4Tile {
  static void run(const PanelTile& tile) {
    RowSums<tokens> rows(tile);
    run_records<tokens, ahead>(tile, rows, [](const __m512i(&w)[4], const uint32_t* x, size_t stride) {
      __m512i sum = _mm512_set1_epi32(int(x[5 * stride]));
      for (size_t word = 0; word < 4; ++word)
        sum = _mm512_dpbusd_epi32(sum, w[word], _mm512_set1_epi32(int(x[word * stride])));
      return sum;
    });
    rows.store();
  }
};

}  // namespace

MatmulKernels avx512bf16_kernels() {
  MatmulKernels kernels = avx512_kernels();
  kernels.bf16 = {kMaxTokens, Activations::bf16_pairs, 1, run_tile<Bf16Tile, kMaxTokens>};
  kernels.fp8 = {kMaxTokens, Activations::bf16_pairs, 1, run_tile<Fp8Tile, kMaxTokens>};
  kernels.nvfp4 = {kMaxTokens, Activations::int8_blocks, kRecordFactor, run_tile<Nvfp4Tile, kMaxTokens>};
  return kernels;
}

}  // namespace starnest::cpu
