// The plain loops that define kernels/attention.h.
#pragma once

#include "base/view.h"
#include "kernels/attention.h"

namespace starnest::ref {

void kv_write(MatView<const float> k, MatView<const float> v, size_t position, const KvView& kv);
void attention(MatView<const float> q, const KvView& kv, size_t position, float scale, MatView<float> y);

}  // namespace starnest::ref
