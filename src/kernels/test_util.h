// What the kernel tests share: random matrices in padded buffers, comparison by bits and by tolerance, and running a
// test body on every back end.
#pragma once

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/dtype.h"
#include "base/rng.h"
#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/isa.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "kernels/ref/ref_device.h"

namespace starnest::test {

inline constexpr size_t kStart[] = {0};  // of the state of a model with one shell

// Every back end that this build and machine have: the plain loops, and one for each instruction set of the processor.
inline std::span<const std::unique_ptr<Device>> devices() {
  static const std::vector<std::unique_ptr<Device>> kDevices = [] {
    std::vector<std::unique_ptr<Device>> all;
    all.push_back(make_ref_device());
    for (const Isa isa : available_isas()) all.push_back(make_cpu_device(isa));
    return all;
  }();
  return kDevices;
}

// The one that a test runs on now: the best, or what for_each_back_end has come to.
inline Device*& current_device() {
  static Device* device = devices().back().get();
  return device;
}
inline Device& device() { return *current_device(); }

template <class Body>
void for_each_back_end(const Body& body) {
  Device* const before = current_device();
  for (const std::unique_ptr<Device>& each : devices()) {
    current_device() = each.get();
    const testing::ScopedTrace trace(__FILE__, __LINE__, "back end " + std::string(each->kernel_path()));
    body();
  }
  current_device() = before;
}

// Threads and scratch of one test, on the device of the moment.
struct Machine {
  explicit Machine(int threads = 1) : pool(threads), arena(device()) {}
  ThreadPool pool;
  Arena arena;
  Exec exec{device(), pool, arena};
};

// Rows that all use one shell and have one width.
class Uniform {
 public:
  Uniform(size_t rows, size_t width) : span_{rows, 1}, width_(width) {}
  Batch batch() const { return {{&span_, span_.rows > 0 ? size_t{1} : 0}}; }
  ByShells widths() const { return {&width_, 1}; }

 private:
  RowSpan span_;
  size_t width_;
};

// A matrix of random numbers in [low, high), each row followed by `padding` NaNs that no op may read into a result or
// overwrite; with padding the first element is not aligned to more than four bytes.
class Matrix {
 public:
  Matrix(size_t rows, size_t cols, uint64_t seed, size_t padding = 0, double low = -1, double high = 1)
      : rows_(rows), cols_(cols), stride_(cols + padding), offset_(padding > 0 ? 1 : 0) {
    numbers_.assign(offset_ + rows * stride_ + padding, kGuard);
    Rng rng(seed);
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < cols; ++c) view()(r, c) = float(low + (high - low) * rng.uniform());
  }
  // The same numbers with other padding.
  Matrix padded(size_t padding) const {
    Matrix copy(rows_, cols_, 0, padding);
    for (size_t r = 0; r < rows_; ++r)
      for (size_t c = 0; c < cols_; ++c) copy.view()(r, c) = view()(r, c);
    return copy;
  }

  MatView<float> view() { return {numbers_.data() + offset_, rows_, cols_, stride_}; }
  MatView<const float> view() const { return {numbers_.data() + offset_, rows_, cols_, stride_}; }
  VecView<float> vec() { return {numbers_.data() + offset_, cols_}; }  // the first row
  VecView<const float> vec() const { return {numbers_.data() + offset_, cols_}; }
  bool padding_untouched() const {
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const bool inside = i >= offset_ && i < offset_ + rows_ * stride_ && (i - offset_) % stride_ < cols_;
      if (!inside && std::bit_cast<uint32_t>(numbers_[i]) != std::bit_cast<uint32_t>(kGuard)) return false;
    }
    return true;
  }

 private:
  static constexpr float kGuard = std::numeric_limits<float>::quiet_NaN();

  size_t rows_, cols_, stride_, offset_;
  std::vector<float> numbers_;
};

// Every number rounded to BF16, as F32.
inline Matrix rounded(const Matrix& m) {
  Matrix out = m;
  for (size_t r = 0; r < m.view().rows; ++r)
    for (size_t c = 0; c < m.view().cols; ++c) out.view()(r, c) = to_f32(to_bf16(m.view()(r, c)));
  return out;
}

// The rows and columns of a matrix after each of its shells.
struct Shape {
  size_t rows, cols;
};

// A matrix packed in shells for the device of the moment; as BF16 its numbers must be exact.
class Packed {
 public:
  Packed(DType dtype, MatView<const float> numbers, const std::vector<Shape>& shapes) : dtype_(dtype) {
    for (const Shape& shape : shapes) shells_.push_back({shape.rows, shape.cols, nullptr});
    for (size_t s = 0; s < shells_.size(); ++s) {
      auto& memory = memory_.emplace_back(shell_bytes(device().panels(), dtype, shells_, s) / sizeof(Line) + 1);
      shells_[s].data = reinterpret_cast<const std::byte*>(memory.data());
      auto* out = reinterpret_cast<std::byte*>(memory.data());
      const Shape before = s == 0 ? Shape{0, 0} : shapes[s - 1], here = shapes[s];
      for (size_t inner = 0, first = 0; inner < s; first = shapes[inner++].rows)
        out = pack(numbers, {first, shapes[inner].rows}, {before.cols, here.cols}, out);
      pack(numbers, {before.rows, here.rows}, {0, here.cols}, out);
    }
  }
  PackedMatrix view() const { return {dtype_, shells_}; }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  struct Range {
    size_t begin, end;
  };

  std::byte* pack(MatView<const float> numbers, Range rows, Range cols, std::byte* out) const {
    const PanelLayout& layout = device().panels();
    const size_t count = cols.end - cols.begin;
    for (size_t r = rows.begin; r < rows.end; r += layout.rows) {
      std::vector<std::vector<std::byte>> stored;
      std::vector<const std::byte*> pointers;
      for (size_t i = r; i < std::min(rows.end, r + layout.rows); ++i) {
        auto& row = stored.emplace_back(count * size_of(dtype_));
        for (size_t k = 0; k < count; ++k) {
          const float value = numbers(i, cols.begin + k);
          const bf16 narrow = to_bf16(value);
          if (dtype_ == DType::bf16)
            std::memcpy(row.data() + k * 2, &narrow, 2);
          else
            std::memcpy(row.data() + k * 4, &value, 4);
        }
        pointers.push_back(row.data());
      }
      layout.pack(dtype_, pointers, count, out);
      out += panel_bytes(layout, dtype_, count);
    }
    return out;
  }

  DType dtype_;
  std::vector<PackedShell> shells_;
  std::vector<std::vector<Line>> memory_;
};

inline testing::AssertionResult same_bits(MatView<const float> got, MatView<const float> want) {
  if (got.rows != want.rows || got.cols != want.cols) return testing::AssertionFailure() << "shapes differ";
  for (size_t r = 0; r < got.rows; ++r)
    for (size_t c = 0; c < got.cols; ++c)
      if (std::bit_cast<uint32_t>(got(r, c)) != std::bit_cast<uint32_t>(want(r, c)))
        return testing::AssertionFailure() << "(" << r << ", " << c << "): " << got(r, c) << " is not " << want(r, c);
  return testing::AssertionSuccess();
}

// |got - want| <= tolerance * max(1, |want|), NaN never.
inline testing::AssertionResult near(MatView<const float> got, MatView<const float> want, double tolerance) {
  for (size_t r = 0; r < got.rows; ++r)
    for (size_t c = 0; c < got.cols; ++c) {
      const double limit = tolerance * std::max(1.0, std::abs(double(want(r, c))));
      if (!(std::abs(double(got(r, c)) - double(want(r, c))) <= limit))
        return testing::AssertionFailure()
               << "(" << r << ", " << c << "): " << got(r, c) << ", expected " << want(r, c) << " +- " << limit;
    }
  return testing::AssertionSuccess();
}

// Tolerance for a sum of n products of numbers below 1: partial sums grow like sqrt(n), and so does a random walk of
// their rounding errors.
inline double sum_tolerance(size_t n) { return double(FLT_EPSILON) * (8 + double(n) / 2); }

}  // namespace starnest::test
