#include "kernels/embed.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void embed(const Exec& exec, const Batch& batch, std::span<const TokenId> ids, const PackedMatrix& table,
           MatView<float> y) {
  SN_CHECK(ids.size() == batch.rows() && y.rows >= ids.size(), "embed: not one id and row per token");
  SN_CHECK(table.encoding == Encoding::f32 || table.encoding == Encoding::bf16,
           "embed: the table is neither f32 nor bf16");
  SN_CHECK(!table.shells.empty() && table.shells.front().rows == table.rows(), "embed: a size lacks rows");
  SN_CHECK(batch.shells() <= table.shells.size() && table.first(batch.shells()).cols() <= y.cols,
           "embed: shapes do not fit");
  for (const TokenId id : ids) SN_CHECK(id >= 0 && size_t(id) < table.rows(), "embed: token id out of range");
  exec.device.ops().embed(exec, batch, ids, table, y);
}

}  // namespace starnest
