#include "kernels/cpu/panels.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/quantized.h"
#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

// Of F32, BF16 and FP8 a panel is [groups][kPanelRows] units, so packing is a transposition of units: one F32 or a pair
// of the others.
constexpr size_t kChunk = 16;       // groups in turn
constexpr size_t kTileStride = 17;  // units; odd, so that a column of the tile meets different cache sets

// `bytes` of the rows from byte `offset`, zeros elsewhere, as [kPanelRows][kTileStride] units.
template <class Unit>
void gather_tile(std::span<const std::byte* const> source, size_t offset, size_t bytes, Unit* tile) {
  for (size_t r = 0; r < kPanelRows; ++r) {
    Unit* row = tile + r * kTileStride;
    if (r < source.size() && bytes == kChunk * sizeof(Unit)) {
      std::memcpy(row, source[r] + offset, kChunk * sizeof(Unit));
    } else {
      std::fill_n(row, kChunk, Unit{0});
      if (r < source.size()) std::memcpy(row, source[r] + offset, bytes);
    }
  }
}

template <class Unit>
void transpose(std::span<const std::byte* const> source, size_t row_bytes, std::byte* panel) {
  const size_t groups = (row_bytes + sizeof(Unit) - 1) / sizeof(Unit);
  auto* out = reinterpret_cast<Unit*>(panel);
  Unit tile[kPanelRows * kTileStride];
  for (size_t first = 0; first < groups; first += kChunk) {
    gather_tile(source, first * sizeof(Unit), std::min(kChunk * sizeof(Unit), row_bytes - first * sizeof(Unit)), tile);
    for (size_t g = first; g < std::min(groups, first + kChunk); ++g)
      for (size_t r = 0; r < kPanelRows; ++r) out[g * kPanelRows + r] = tile[r * kTileStride + g - first];
  }
}

// The 8 bytes of a block's codes, neighbours sharing a byte, as [2][4] bytes that pair columns 4 apart.
void regroup(const std::byte* codes, std::byte* half0, std::byte* half1) {
  std::byte* const halves[2]{half0, half1};
  for (size_t h = 0; h < 2; ++h)
    for (size_t i = 0; i < 4; ++i) {
      const auto code = [&](size_t k) { return codes[k / 2] >> (k % 2 * 4) & std::byte{15}; };
      halves[h][i] = code(8 * h + i) | code(8 * h + 4 + i) << 4;
    }
}

void pack_records(const StoredRows& source, size_t cols, std::byte* panel) {
  for (size_t block = 0; block < cols / kNvfp4Block; ++block, panel += kRecordBytes) {
    std::byte* const codes = panel + kRecordScales;
    std::fill_n(panel, kRecordBytes, std::byte{0});
    for (size_t r = 0; r < source.codes.size(); ++r) {
      panel[r] = source.scales[r][block];
      regroup(source.codes[r] + block * kNvfp4Block / 2, codes + r * 4, codes + (kPanelRows + r) * 4);
    }
  }
}

}  // namespace

size_t panel_bytes(Encoding encoding, size_t cols) {
  const size_t pairs = (cols + 1) / 2;
  switch (encoding) {
    case Encoding::f32:
      return cols * kPanelRows * 4;
    case Encoding::bf16:
      return pairs * kPanelRows * 4;
    case Encoding::fp8:
      return pairs * kPanelRows * 2;
    case Encoding::nvfp4:
      return cols / kNvfp4Block * kRecordBytes;
    case Encoding::f16:
      break;
  }
  check_failed("encoding", "panels hold no F16", __FILE__, __LINE__);
}

void pack_panel(Encoding encoding, const StoredRows& source, size_t cols, std::byte* panel) {
  SN_CHECK(source.codes.size() <= kPanelRows, "more rows than a panel has");
  switch (encoding) {
    case Encoding::f32:
      return transpose<uint32_t>(source.codes, cols * 4, panel);
    case Encoding::bf16:
      return transpose<uint32_t>(source.codes, cols * 2, panel);
    case Encoding::fp8:
      return transpose<uint16_t>(source.codes, cols, panel);
    case Encoding::nvfp4:
      return pack_records(source, cols, panel);
    case Encoding::f16:
      break;
  }
  check_failed("encoding", "panels hold no F16", __FILE__, __LINE__);
}

}  // namespace starnest::cpu
