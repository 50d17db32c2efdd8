#include "kernels/packed_matrix.h"

namespace starnest {
namespace {

PackedShell before(std::span<const PackedShell> shells, size_t s) { return s == 0 ? PackedShell{} : shells[s - 1]; }
size_t panels(const PanelLayout& layout, size_t rows) { return (rows + layout.rows - 1) / layout.rows; }

}  // namespace

ShellPanels panels_of(const PanelLayout& layout, std::span<const PackedShell> shells, size_t s) {
  ShellPanels place;
  for (size_t i = 0; i < s; ++i) place.before += panels(layout, shells[i].rows - before(shells, i).rows);
  place.own = panels(layout, shells[s].rows - before(shells, s).rows);
  return place;
}

size_t panel_bytes(const PanelLayout& layout, DType dtype, size_t cols) {
  const size_t together = dtype == DType::bf16 ? layout.bf16_columns : 1;
  return (cols + together - 1) / together * together * layout.rows * size_of(dtype);
}

size_t rows_block_offset(const PanelLayout& layout, DType dtype, std::span<const PackedShell> shells, size_t s) {
  return panels_of(layout, shells, s).before * panel_bytes(layout, dtype, shells[s].cols - before(shells, s).cols);
}

size_t shell_bytes(const PanelLayout& layout, DType dtype, std::span<const PackedShell> shells, size_t s) {
  return rows_block_offset(layout, dtype, shells, s) +
         panels_of(layout, shells, s).own * panel_bytes(layout, dtype, shells[s].cols);
}

}  // namespace starnest
