#include "kernels/packed_matrix.h"

#include <cstring>

#include "core/base/check.h"

namespace starnest {
namespace {

PackedShell before(std::span<const PackedShell> shells, size_t s) { return s == 0 ? PackedShell{} : shells[s - 1]; }
size_t panels(size_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

// Numbers of columns that lie together, so that a panel is [groups][kPanelRows][kTogether].
template <size_t kTogether, class Number>
void pack(std::span<const std::byte* const> source, size_t cols, std::byte* panel) {
  const size_t groups = (cols + kTogether - 1) / kTogether;
  constexpr size_t kChunk = 16;  // groups in turn for each row: a cache line of the source
  auto* out = reinterpret_cast<Number*>(panel);
  for (size_t begin = 0; begin < groups; begin += kChunk) {
    const size_t end = std::min(groups, begin + kChunk);
    for (size_t r = 0; r < kPanelRows; ++r)
      for (size_t g = begin; g < end; ++g) {
        Number* to = out + (g * kPanelRows + r) * kTogether;
        const size_t count = r < source.size() ? std::min(kTogether, cols - g * kTogether) : 0;
        if (count == kTogether)
          std::memcpy(to, source[r] + g * kTogether * sizeof(Number), kTogether * sizeof(Number));
        else
          for (size_t i = 0; i < kTogether; ++i) {
            to[i] = Number{};
            if (i < count) std::memcpy(to + i, source[r] + (g * kTogether + i) * sizeof(Number), sizeof(Number));
          }
      }
  }
}

}  // namespace

ShellPanels panels_of(std::span<const PackedShell> shells, size_t s) {
  ShellPanels place;
  for (size_t i = 0; i < s; ++i) place.before += panels(shells[i].rows - before(shells, i).rows);
  place.own = panels(shells[s].rows - before(shells, s).rows);
  return place;
}

size_t panel_bytes(DType dtype, size_t cols) {
  const size_t padded = dtype == DType::bf16 ? (cols + 1) / 2 * 2 : cols;
  return padded * kPanelRows * size_of(dtype);
}

size_t rows_block_offset(DType dtype, std::span<const PackedShell> shells, size_t s) {
  return panels_of(shells, s).before * panel_bytes(dtype, shells[s].cols - before(shells, s).cols);
}

size_t shell_bytes(DType dtype, std::span<const PackedShell> shells, size_t s) {
  return rows_block_offset(dtype, shells, s) + panels_of(shells, s).own * panel_bytes(dtype, shells[s].cols);
}

void pack_panel(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel) {
  SN_CHECK(source.size() <= kPanelRows, "more rows than a panel has");
  SN_CHECK(dtype == DType::f32 || dtype == DType::bf16, "panels hold F32 or BF16");
  dtype == DType::bf16 ? pack<2, uint16_t>(source, cols, panel) : pack<1, float>(source, cols, panel);
}

}  // namespace starnest
