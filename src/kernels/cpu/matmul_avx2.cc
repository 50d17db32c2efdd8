// AVX2 with FMA: up to two tokens take all 32 rows at once, three and four in two halves of 16 rows: eight sums in
// registers cover the latency of a multiply-add, and with more than eight GCC spills some and halves the rate. BF16
// weights are expanded exactly.
#include <immintrin.h>

#include "kernels/cpu/matmul_dispatch-inl.h"
#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kAhead = 8 << 10;  // bytes
constexpr size_t kMaxTokens = 4;

__m256i lanes_below(size_t count) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), index);
}

__m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
__m256 odd(__m256i pairs) { return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(int(0xffff0000u)))); }

// The sums of vectors * 8 rows for some tokens, from y and back.
template <size_t vectors, size_t tokens>
class RowSums {
 public:
  [[gnu::always_inline]] inline RowSums(const PanelTile& tile, size_t first) : tile_(tile), first_(first) {
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; ++v) {
      const size_t row = first + v * kLanes;
      mask_[v] = lanes_below(tile.rows > row ? tile.rows - row : 0);
#pragma GCC unroll 8
      for (size_t j = 0; j < tokens; ++j)
        sums[j][v] =
            tile.continues ? _mm256_maskload_ps(tile.y + j * tile.y_stride + row, mask_[v]) : _mm256_setzero_ps();
    }
  }
  [[gnu::always_inline]] inline void store() const {
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; ++v)
#pragma GCC unroll 8
      for (size_t j = 0; j < tokens; ++j)
        _mm256_maskstore_ps(tile_.y + j * tile_.y_stride + first_ + v * kLanes, mask_[v], sums[j][v]);
  }

  __m256 sums[tokens][vectors];

 private:
  const PanelTile& tile_;
  size_t first_;
  __m256i mask_[vectors];
};

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
  RowSums<vectors, tokens> rows(tile, first);
  constexpr size_t kColumns = narrow ? 2 : 1;
  const auto* panel = reinterpret_cast<const __m256i*>(tile.panel + first * 4);
  const uint32_t* x = tile.x;
  const size_t stride = tile.x_stride;
  for (size_t left = tile.columns / kColumns; left > 0; --left, panel += 4, x += kColumns * stride) {
    if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
    accumulate<narrow ? Column::even : Column::f32>(panel, x, rows.sums);
    if constexpr (narrow) accumulate<Column::odd>(panel, x + stride, rows.sums);
  }
  if (narrow && tile.columns % 2 != 0) accumulate<Column::even>(panel, x, rows.sums);
  rows.store();
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

template <size_t tokens, bool ahead>
struct F32Tile {
  static void run(const PanelTile& tile) { panel_tile<false, tokens, ahead>(tile); }
};

template <size_t tokens, bool ahead>
struct Bf16Tile {
  static void run(const PanelTile& tile) { panel_tile<true, tokens, ahead>(tile); }
};

struct Fp8Pairs {
  __m256 even[2], odd[2];  // 16 rows
};
[[gnu::always_inline]] inline Fp8Pairs expand_fp8(__m256i pairs) {
  const __m256i low = _mm256_set1_epi16(0x7f), sign = _mm256_set1_epi16(int16_t(0x8000));
  const __m256i even = _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(pairs, low), 7),
                                       _mm256_and_si256(_mm256_slli_epi16(pairs, 8), sign));
  const __m256i odd = _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(_mm256_srli_epi16(pairs, 8), low), 7),
                                      _mm256_and_si256(pairs, sign));
  return {{_mm256_cvtph_ps(_mm256_castsi256_si128(even)), _mm256_cvtph_ps(_mm256_extracti128_si256(even, 1))},
          {_mm256_cvtph_ps(_mm256_castsi256_si128(odd)), _mm256_cvtph_ps(_mm256_extracti128_si256(odd, 1))}};
}

// Rows [first, first + 16) of an FP8 panel.
template <size_t tokens, bool ahead>
void fp8_rows(const PanelTile& tile, size_t first) {
  RowSums<2, tokens> rows(tile, first);
  const std::byte* panel = tile.panel + first * 2;
  const uint32_t* x = tile.x;
  const size_t stride = tile.x_stride;
  for (size_t k = 0; k < tile.columns; k += 2, panel += 64, x += 2 * stride) {
    if constexpr (ahead) _mm_prefetch(reinterpret_cast<const char*>(panel) + kAhead, _MM_HINT_T1);
    const Fp8Pairs w = expand_fp8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel)));
    accumulate(w.even, x, rows.sums);
    if (k + 1 < tile.columns) accumulate(w.odd, x + stride, rows.sums);
  }
  rows.store();
}

template <size_t tokens, bool ahead>
struct Fp8Tile {
  static void run(const PanelTile& tile) {
    fp8_rows<tokens, ahead>(tile, 0);
    fp8_rows<tokens, ahead>(tile, 16);
  }
};

// Codes of four columns each, as numbers that are never negative: 8 rows of a record.
[[gnu::always_inline]] inline void expand_codes(const std::byte* codes, __m256i (&w)[4]) {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Plus12)));
  const __m256i low = _mm256_set1_epi8(15);
#pragma GCC unroll 2
  for (size_t half = 0; half < 2; ++half) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + half * 128));
    w[2 * half] = _mm256_shuffle_epi8(table, _mm256_and_si256(pairs, low));
    w[2 * half + 1] = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), low));
  }
}

// Block scales of 8 rows, divided by kE4m3AsF16.
[[gnu::always_inline]] inline __m256 expand_scales(const std::byte* scales) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales));
  return _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(bytes), 7));
}

// Products of the pairs of a word fit 16 bits, and so do the sums of four words: 4 x 2 x 24 x 127 < 2^15.
template <size_t tokens>
[[gnu::always_inline]] inline void add_block(const __m256i (&w)[4], __m256 scales, const uint32_t* x, size_t stride,
                                             __m256* sums, size_t next) {
#pragma GCC unroll 4
  for (size_t j = 0; j < tokens; ++j) {
    __m256i products = _mm256_maddubs_epi16(w[0], _mm256_set1_epi32(int(x[j])));
#pragma GCC unroll 4
    for (size_t word = 1; word < 4; ++word)
      products =
          _mm256_add_epi16(products, _mm256_maddubs_epi16(w[word], _mm256_set1_epi32(int(x[word * stride + j]))));
    const __m256i start = _mm256_set1_epi32(int(x[5 * stride + j]));
    const __m256i sum = _mm256_add_epi32(start, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
    const __m256 block = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scales);
    const __m256 scale = _mm256_castsi256_ps(_mm256_set1_epi32(int(x[4 * stride + j])));
    sums[j * next] = _mm256_fmadd_ps(block, scale, sums[j * next]);
  }
}

// Rows [first, first + vectors * 8) of a panel of records.
template <size_t vectors, size_t tokens, bool ahead>
void nvfp4_rows(const PanelTile& tile, size_t first) {
  RowSums<vectors, tokens> rows(tile, first);
  const std::byte* record = tile.panel;
  const uint32_t* x = tile.x;
  for (size_t k = 0; k < tile.columns; k += 16, record += kRecordBytes, x += kBlockWords * tile.x_stride) {
    if constexpr (ahead)
      for (size_t line = 0; line < kRecordBytes; line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(record) + kAhead + line, _MM_HINT_T1);
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; ++v) {
      const size_t row = first + v * kLanes;
      __m256i w[4];
      expand_codes(record + kRecordScales + row * 4, w);
      add_block<tokens>(w, expand_scales(record + row), x, tile.x_stride, &rows.sums[0][v], vectors);
    }
  }
  rows.store();
}

template <size_t tokens, bool ahead>
struct Nvfp4Tile {
  static void run(const PanelTile& tile) {
    if constexpr (tokens <= 2) {
      nvfp4_rows<4, tokens, ahead>(tile, 0);
    } else {
      nvfp4_rows<2, tokens, ahead>(tile, 0);
      nvfp4_rows<2, tokens, ahead>(tile, 16);
    }
  }
};

}  // namespace

MatmulKernels avx2_kernels() {
  return {.f32 = {kMaxTokens, Activations::f32, 1, run_tile<F32Tile, kMaxTokens>},
          .bf16 = {kMaxTokens, Activations::f32, 1, run_tile<Bf16Tile, kMaxTokens>},
          .fp8 = {kMaxTokens, Activations::f32, kE4m3AsF16, run_tile<Fp8Tile, kMaxTokens>},
          .nvfp4 = {kMaxTokens, Activations::int8_blocks, kE4m3AsF16 / 2, run_tile<Nvfp4Tile, kMaxTokens>}};
}

}  // namespace starnest::cpu
