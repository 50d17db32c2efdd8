// How weights lie for the CPU's products: panels of 32 rows, the contraction outermost inside a panel.
//   BF16  [cols/2][kPanelRows][2]  pairs of neighbouring columns; an odd last column is paired with zero
//   F32   [cols][kPanelRows]
#pragma once

#include "kernels/packed_matrix.h"

namespace starnest::cpu {

inline constexpr size_t kPanelRows = 32;

void pack_panel(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel);

inline constexpr PanelLayout kPanels{.rows = kPanelRows, .bf16_columns = 2, .pack = pack_panel};

}  // namespace starnest::cpu
