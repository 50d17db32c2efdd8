// Views: a pointer, extents and a stride, never an owner. Copied freely; the data must outlive them.
#pragma once

#include <cstddef>
#include <type_traits>

#include "base/check.h"

namespace starnest {

// `size` consecutive elements.
template <class T>
struct VecView {
  T* data = nullptr;
  size_t size = 0;

  T& operator[](size_t i) const {
    SN_DCHECK(i < size, "vector index out of range");
    return data[i];
  }
  operator VecView<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, size};
  }
};

// `rows` x `cols`, element (r, c) at data[r * stride + c]; stride >= cols.
template <class T>
struct MatView {
  T* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  T* row(size_t r) const {
    SN_DCHECK(r < rows, "row out of range");
    return data + r * stride;
  }
  T& operator()(size_t r, size_t c) const { return row(r)[c]; }
  MatView row_range(size_t begin, size_t count) const { return {data + begin * stride, count, cols, stride}; }
  MatView col_range(size_t begin, size_t count) const { return {data + begin, rows, count, stride}; }
  operator MatView<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, rows, cols, stride};
  }
};

}  // namespace starnest
