#include "kernels/embed.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/panel_run.h"

namespace starnest {
namespace {

// Row r of a block of panels, `count` columns.
void copy_row(DType dtype, const std::byte* panel, size_t r, size_t count, float* y) {
  if (dtype == DType::f32) {
    const auto* numbers = reinterpret_cast<const float*>(panel) + r;
    for (size_t k = 0; k < count; ++k) y[k] = numbers[k * kPanelRows];
  } else {
    const auto* pairs = reinterpret_cast<const bf16*>(panel) + 2 * r;
    for (size_t k = 0; k < count; ++k) y[k] = to_f32(pairs[k / 2 * 2 * kPanelRows + k % 2]);
  }
}

void embed_row(const PackedMatrix& table, size_t id, float* y, size_t columns) {
  size_t panel = id / kPanelRows;  // every row is in the first shell: no size has a smaller vocabulary
  for (size_t s = 0, done = 0; done < columns; ++s) {
    const PanelSegment segment = segment_of(table, 0, s, panel);
    const size_t count = std::min(segment.columns, columns - done);
    copy_row(table.dtype, segment.panel, id % kPanelRows, count, y + done);
    done += count;
  }
}

}  // namespace

void embed(const Exec& exec, std::span<const TokenId> ids, const PackedMatrix& table, MatView<float> y) {
  SN_CHECK(ids.size() == y.rows && table.cols() >= y.cols, "embed: shapes do not fit");
  SN_CHECK(table.dtype == DType::f32 || table.dtype == DType::bf16, "embed: the table is neither f32 nor bf16");
  SN_CHECK(!table.shells.empty() && table.shells.front().rows == table.rows(), "embed: a size lacks rows");
  for (const TokenId id : ids) SN_CHECK(id >= 0 && size_t(id) < table.rows(), "embed: token id out of range");
  exec.pool.parallel_for(y.rows, grain_of(y.cols), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t) embed_row(table, size_t(ids[t]), y.row(t), y.cols);
  });
}

}  // namespace starnest
