#include "kernels/ref/ops.h"
#include "kernels/ref/ref_device.h"

namespace starnest::ref {
namespace {

// y[r] = sum_k x[k] w[r,k] for all rows and columns of w.
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

}  // namespace

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
