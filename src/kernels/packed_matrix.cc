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

size_t rows_block_offset(const PanelLayout& layout, Encoding encoding, std::span<const PackedShell> shells, size_t s) {
  return panels_of(layout, shells, s).before * layout.bytes(encoding, shells[s].cols - before(shells, s).cols);
}

size_t shell_bytes(const PanelLayout& layout, Encoding encoding, std::span<const PackedShell> shells, size_t s) {
  return rows_block_offset(layout, encoding, shells, s) +
         panels_of(layout, shells, s).own * layout.bytes(encoding, shells[s].cols);
}

}  // namespace starnest
