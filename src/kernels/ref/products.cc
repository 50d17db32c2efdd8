#include "kernels/ref/ops.h"

namespace starnest::ref {
namespace {

// The first shell whose rows (or columns) reach `index`.
size_t shell_of(std::span<const PackedShell> shells, size_t PackedShell::* extent, size_t index) {
  size_t s = 0;
  while (shells[s].*extent <= index) ++s;
  return s;
}

// y[r] = sum_k x[k] w[r,k] for all rows and columns of w.
void row_times(const float* x, const PackedMatrix& w, float* y) {
  for (size_t r = 0; r < w.rows(); ++r) {
    float sum = 0;
    for (size_t k = 0; k < w.cols(); ++k) sum += x[k] * element(w, r, k);
    y[r] = sum;
  }
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

void embed(const Exec&, const Batch& batch, std::span<const TokenId> ids, const PackedMatrix& table, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t i = 0; i < table.first(shells).cols(); ++i) y(t, i) = element(table, size_t(ids[t]), i);
  });
}

void matmul(const Exec&, const Batch& batch, MatView<const float> x, std::span<const Product> products) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (const Product& p : products) row_times(x.row(t), p.w.first(shells), p.y.row(t));
  });
}

void expert_matmul(const Exec& exec, const Batch& batch, MatView<const float> x, ExpertInput input,
                   const ExpertGroups& groups, std::span<const PackedMatrix> experts, MatView<float> y) {
  const ScratchScope scope(exec.arena);
  const std::span<size_t> shells_of = exec.arena.array<size_t>(batch.rows());
  for_each_row(batch, [&](size_t t, size_t shells) { shells_of[t] = shells; });
  for (size_t e = 0; e < experts.size(); ++e)
    for (size_t slot = groups.begin[e]; slot < groups.begin[e + 1]; ++slot) {
      const size_t t = size_t(groups.rows[slot]);
      row_times(x.row(input == ExpertInput::tokens ? t : slot), experts[e].first(shells_of[t]), y.row(slot));
    }
}

}  // namespace starnest::ref
