#include "kernels/cpu/panels.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace starnest::cpu {
namespace {

// A panel is [groups][kPanelRows] units, so packing is a transposition of units: one F32 or a pair of BF16.
constexpr size_t kUnit = 4;         // bytes
constexpr size_t kChunk = 16;       // groups in turn: a cache line of every row
constexpr size_t kTileStride = 17;  // units; odd, so that a column of the tile meets different cache sets

// `bytes` of the rows from byte `offset`, zeros elsewhere, as [kPanelRows][kTileStride] units.
void gather_tile(std::span<const std::byte* const> source, size_t offset, size_t bytes, uint32_t* tile) {
  for (size_t r = 0; r < kPanelRows; ++r) {
    uint32_t* row = tile + r * kTileStride;
    if (r < source.size() && bytes == kChunk * kUnit) {
      std::memcpy(row, source[r] + offset, kChunk * kUnit);
    } else {
      std::fill_n(row, kChunk, 0u);
      if (r < source.size()) std::memcpy(row, source[r] + offset, bytes);
    }
  }
}

void scatter_tile(const uint32_t* tile, size_t groups, uint32_t* out) {
  for (size_t g = 0; g < groups; ++g)
    for (size_t r = 0; r < kPanelRows; ++r) out[g * kPanelRows + r] = tile[r * kTileStride + g];
}

}  // namespace

void pack_panel(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel) {
  SN_CHECK(source.size() <= kPanelRows, "more rows than a panel has");
  SN_CHECK(dtype == DType::f32 || dtype == DType::bf16, "panels hold F32 or BF16");
  const size_t row_bytes = cols * size_of(dtype), groups = (row_bytes + kUnit - 1) / kUnit;
  auto* out = reinterpret_cast<uint32_t*>(panel);
  uint32_t tile[kPanelRows * kTileStride];
  for (size_t g = 0; g < groups; g += kChunk) {
    gather_tile(source, g * kUnit, std::min(kChunk * kUnit, row_bytes - g * kUnit), tile);
    scatter_tile(tile, std::min(kChunk, groups - g), out + g * kPanelRows);
  }
}

}  // namespace starnest::cpu
