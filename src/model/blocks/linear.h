// What linear layers of several blocks share.
#pragma once

#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "model/batch.h"

namespace starnest {

// The first `count` numbers; an empty vector stays empty.
inline VecView<const float> prefix(VecView<const float> v, size_t count) { return {v.data, v.size ? count : 0}; }

// y[t] += bias over the rows of `w` that row t's size has; an empty bias adds nothing. y [T, >= rows].
void add_bias(const Exec& exec, std::span<const RowSpan> spans, const PackedMatrix& w, VecView<const float> bias,
              MatView<float> y);

}  // namespace starnest
