// How weights lie for the CPU's products: panels of 32 rows, the contraction outermost inside a panel.
//   BF16   [cols/2][kPanelRows][2]  pairs of neighbouring columns; an odd last column is paired with zero
//   FP8    likewise
//   F32    [cols][kPanelRows]
//   NVFP4  a record per block of 16 columns: its scales [kPanelRows], then [2][kPanelRows][4] bytes of codes. Byte i of
//          row r in half h has the codes of columns 8h + i (low four bits) and 8h + 4 + i
#pragma once

#include "kernels/packed_matrix.h"

namespace starnest::cpu {

inline constexpr size_t kPanelRows = 32;

size_t panel_bytes(Encoding encoding, size_t cols);
void pack_panel(Encoding encoding, const StoredRows& source, size_t cols, std::byte* panel);

inline constexpr PanelLayout kPanels{.rows = kPanelRows, .bytes = panel_bytes, .pack = pack_panel};

}  // namespace starnest::cpu
