// A weight matrix as kernels see it: stored numbers, row-major [out, in], in F32 or BF16.
#pragma once

#include <cstddef>

#include "core/base/check.h"
#include "core/base/dtype.h"

namespace starnest {

// Element (r, k) is number r * stride + k of `data`; stride >= cols, counted in elements. Never an owner. `data` is
// aligned to its element size, not to vectors.
struct WeightView {
  DType dtype = DType::f32;
  const std::byte* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  WeightView row_range(size_t begin, size_t count) const {
    SN_DCHECK(begin + count <= rows, "row range outside the weight");
    return {dtype, data + begin * stride * size_of(dtype), count, cols, stride};
  }
  WeightView top_left(size_t row_count, size_t col_count) const {
    SN_DCHECK(row_count <= rows && col_count <= cols, "prefix larger than the weight");
    return {dtype, data, row_count, col_count, stride};
  }

  // The numbers as they are stored; Number is float for DType::f32 and bf16 for DType::bf16.
  template <class Number>
  const Number* row(size_t r) const {
    SN_DCHECK(r < rows && sizeof(Number) == size_of(dtype), "row out of range or of another type");
    return reinterpret_cast<const Number*>(data) + r * stride;
  }
};

}  // namespace starnest
