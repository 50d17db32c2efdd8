#include "kernels/embed.h"

#include "kernels/cpu/grain.h"
#include "kernels/ref/embed.h"

namespace starnest {

void embed(const Exec& exec, std::span<const TokenId> ids, const WeightView& table, MatView<float> y) {
  SN_CHECK(ids.size() == y.rows && table.cols >= y.cols, "embed: shapes do not fit");
  SN_CHECK(table.dtype == DType::f32 || table.dtype == DType::bf16, "embed: the table is neither f32 nor bf16");
  for (const TokenId id : ids) SN_CHECK(id >= 0 && size_t(id) < table.rows, "embed: token id out of range");
  exec.pool.parallel_for(y.rows, grain_of(y.cols), [&](size_t begin, size_t end) {
    ref::embed(ids.subspan(begin, end - begin), table, y.row_range(begin, end - begin));
  });
}

}  // namespace starnest
