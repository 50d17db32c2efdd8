#include "kernels/embed.h"

#include "base/dtype.h"
#include "kernels/cpu/grain.h"
#include "kernels/cpu/panel_run.h"
#include "kernels/cpu/table.h"

namespace starnest::cpu {
namespace {

// Row r of a block of panels, `count` columns.
void copy_row(Encoding encoding, const std::byte* panel, size_t r, size_t count, float* y) {
  if (encoding == Encoding::f32) {
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
    copy_row(table.encoding, segment.panel, id % kPanelRows, count, y + done);
    done += count;
  }
}

void embed(const Exec& exec, const Batch& batch, std::span<const TokenId> ids, const PackedMatrix& table,
           MatView<float> y) {
  exec.pool.parallel_for(ids.size(), grain_of(y.cols), [&](size_t begin, size_t end) {
    for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) {
      embed_row(table, size_t(ids[t]), y.row(t), table.first(shells).cols());
    });
  });
}

}  // namespace

void put_embed(Ops& ops) { ops.embed = embed; }

}  // namespace starnest::cpu
