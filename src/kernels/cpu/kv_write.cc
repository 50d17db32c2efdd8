#include "kernels/attention.h"
#include "kernels/ref/attention.h"

namespace starnest {

void kv_write(const Exec&, MatView<const float> k, MatView<const float> v, size_t position, const KvView& kv) {
  const size_t width = kv.kv_heads * kv.head_dim;
  SN_CHECK(kv.dtype == DType::f32 || kv.dtype == DType::bf16, "kv_write: keys and values are neither f32 nor bf16");
  SN_CHECK(k.rows == v.rows && k.cols == width && v.cols == width, "kv_write: k or v not [T, K*Q]");
  SN_CHECK(kv.keys.size() == kv.values.size() && position + k.rows <= kv.keys.size() * kKvBlock,
           "kv_write: not enough blocks");
  ref::kv_write(k, v, position, kv);
}

}  // namespace starnest
