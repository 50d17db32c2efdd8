// What the two AVX-512 files share. Included by each once; the anonymous namespace keeps their code apart, since they
// are compiled with different flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/matmul_dispatch-inl.h"
#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kMaxTokens = 12;    // 24 sums in registers
constexpr size_t kAhead = 16 << 10;  // bytes

struct Sums {
  __m512 low, high;
};

inline __mmask16 first_lanes(size_t count) { return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << count) - 1); }

// The sums of a panel's 32 rows for some tokens, from y and back.
template <size_t tokens>
class RowSums {
 public:
  explicit RowSums(const PanelTile& tile)
      : tile_(tile), low_(first_lanes(tile.rows)), high_(first_lanes(tile.rows > 16 ? tile.rows - 16 : 0)) {
    for (size_t j = 0; j < tokens; ++j) {
      const float* y = tile.y + j * tile.y_stride;
      sums[j].low = tile.continues ? _mm512_maskz_loadu_ps(low_, y) : _mm512_setzero_ps();
      sums[j].high = tile.continues ? _mm512_maskz_loadu_ps(high_, y + 16) : _mm512_setzero_ps();
    }
  }
  void store() const {
    for (size_t j = 0; j < tokens; ++j) {
      float* y = tile_.y + j * tile_.y_stride;
      _mm512_mask_storeu_ps(y, low_, sums[j].low);
      _mm512_mask_storeu_ps(y + 16, high_, sums[j].high);
    }
  }

  Sums sums[tokens];

 private:
  const PanelTile& tile_;
  __mmask16 low_, high_;
};

constexpr float kRecordFactor = kE4m3AsF16 / 2;  // codes count halves

// Codes of four columns each, as numbers that are never negative: 16 rows of a record.
inline void expand_codes(const std::byte* codes, __m512i (&w)[4]) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Plus12)));
  const __m512i low = _mm512_set1_epi8(15);
  for (size_t half = 0; half < 2; ++half) {
    const __m512i pairs = _mm512_loadu_si512(codes + half * 128);
    w[2 * half] = _mm512_shuffle_epi8(table, _mm512_and_si512(pairs, low));
    w[2 * half + 1] = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), low));
  }
}

// Block scales of 16 rows, divided by kE4m3AsF16.
inline __m512 expand_scales(const std::byte* scales) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
  return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 7));
}

// Adds all blocks of a panel. block_sum(w, x, stride) is the exact sum over one block for 16 rows and one token.
template <size_t tokens, bool ahead, class BlockSum>
[[gnu::always_inline]] inline void run_records(const PanelTile& tile, RowSums<tokens>& rows,
                                               const BlockSum& block_sum) {
  const std::byte* record = tile.panel;
  const uint32_t* x = tile.x;
  const size_t stride = tile.x_stride;
  for (size_t k = 0; k < tile.columns; k += 16, record += kRecordBytes, x += kBlockWords * stride) {
    if constexpr (ahead)
      for (size_t line = 0; line < kRecordBytes; line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(record) + kAhead + line, _MM_HINT_T1);
    for (size_t half = 0; half < 2; ++half) {
      __m512i w[4];
      expand_codes(record + kRecordScales + half * 64, w);
      const __m512 scales = expand_scales(record + half * 16);
      for (size_t j = 0; j < tokens; ++j) {
        const __m512 sum = _mm512_mul_ps(_mm512_cvtepi32_ps(block_sum(w, x + j, stride)), scales);
        const __m512 scale = _mm512_castsi512_ps(_mm512_set1_epi32(int(x[4 * stride + j])));
        __m512& total = half == 0 ? rows.sums[j].low : rows.sums[j].high;
        total = _mm512_fmadd_ps(sum, scale, total);
      }
    }
  }
}

}  // namespace
}  // namespace starnest::cpu
