#include "kernels/ref/matmul.h"

namespace starnest::ref {
namespace {

// The first shell whose rows (or columns) reach `index`.
size_t shell_of(std::span<const PackedShell> shells, size_t PackedShell::* extent, size_t index) {
  size_t s = 0;
  while (shells[s].*extent <= index) ++s;
  return s;
}

}  // namespace

float element(const PackedMatrix& w, size_t r, size_t k) {
  const size_t row_shell = shell_of(w.shells, &PackedShell::rows, r);
  const size_t s = std::max(row_shell, shell_of(w.shells, &PackedShell::cols, k));
  const bool in_rows_block = s == row_shell;
  const PackedShell before = s == 0 ? PackedShell{} : w.shells[s - 1];
  const size_t first_row = row_shell == 0 ? 0 : w.shells[row_shell - 1].rows;
  const size_t first_col = in_rows_block ? 0 : before.cols;
  const size_t cols = w.shells[s].cols - first_col, col = k - first_col;
  const size_t panel_in_shell = (r - first_row) / kPanelRows, row = (r - first_row) % kPanelRows;
  const size_t panel = (in_rows_block ? 0 : panels_of(w.shells, row_shell).before) + panel_in_shell;
  const std::byte* data = w.shells[s].data + (in_rows_block ? rows_block_offset(w.dtype, w.shells, s) : 0) +
                          panel * panel_bytes(w.dtype, cols);
  const size_t together = w.dtype == DType::bf16 ? 2 : 1;
  return load_f32(w.dtype, data, (col / together * kPanelRows + row) * together + col % together);
}

void row_times(const float* x, const PackedMatrix& w, float* y) {
  const ColumnRun ascending{0, 0, w.cols()};
  const std::span<const ColumnRun> order = w.sum_order.empty() ? std::span(&ascending, 1) : w.sum_order;
  for (size_t r = 0; r < w.rows(); ++r) {
    float sum = 0;
    for (const ColumnRun& run : order)
      for (size_t k = run.begin; run.shell < w.shells.size() && k < run.begin + run.count; ++k)
        sum += x[k] * element(w, r, k);
    y[r] = sum;
  }
}

}  // namespace starnest::ref
