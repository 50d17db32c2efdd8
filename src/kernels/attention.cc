#include "kernels/attention.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {
namespace {

void check_blocks(const Batch& batch, const KvLayout& kv) {
  SN_CHECK(is_kv_dtype(kv.dtype), "attention: keys and values of this type are not implemented");
  SN_CHECK(kv.dtype == DType::f8_e4m3 || (kv.key_scale == 1 && kv.value_scale == 1),
           "attention: only FP8 keys and values have scales");
  SN_CHECK(kv.kv_heads > 0 && kv.head_dim > 0 && kv.offsets.size() >= batch.shells() && runs_cover(batch),
           "attention: not a state for every row");
  for (const SequenceRun& run : batch.runs)
    SN_CHECK(run.position + run.rows <= run.kv.size() * kKvBlock, "attention: not enough blocks");
}

}  // namespace

void kv_write(const Exec& exec, const Batch& batch, const KvLayout& kv, MatView<const float> k,
              MatView<const float> v) {
  check_blocks(batch, kv);
  SN_CHECK(k.rows >= batch.rows() && v.rows >= batch.rows() && k.cols == kv.row() && v.cols == kv.row(),
           "kv_write: k or v not [T, K*Q]");
  exec.device.ops().kv_write(exec, batch, kv, k, v);
}

void attention(const Exec& exec, const Batch& batch, const KvLayout& kv, ByShells heads, MatView<const float> q,
               float scale, MatView<float> y) {
  check_blocks(batch, kv);
  SN_CHECK(fits(batch, heads, q.cols / kv.head_dim) && fits(batch, heads, y.cols / kv.head_dim) &&
               q.rows >= batch.rows() && y.rows >= batch.rows(),
           "attention: q or y is not [T, H*Q]");
  for (const RowSpan& span : batch.spans)
    SN_CHECK(heads[span.shells - 1] % kv.kv_heads == 0, "attention: H is not a multiple of K");
  exec.device.ops().attention(exec, batch, kv, heads, q, scale, y);
}

}  // namespace starnest
