#include "kernels/gated_norm.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gated_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

// A running sum of squares over runs of numbers of any length. Lanes are filled across the ends of runs, so the sum
// depends on the sequence of numbers only.
class SquareSum {
 public:
  SquareSum() : sums_(zero()) {}

  void add(const float* v, size_t n) {
    for (size_t i = 0; i < n;) {
      if (waiting_ == 0 && i + kWidth <= n) {
        add_vector(v + i);
        i += kWidth;
        continue;
      }
      const size_t taken = std::min(kWidth - waiting_, n - i);
      std::copy_n(v + i, taken, part_ + waiting_);
      waiting_ += taken;
      i += taken;
      if (waiting_ == kWidth) {
        add_vector(part_);
        waiting_ = 0;
      }
    }
    count_ += n;
  }

  float mean() {
    std::fill(part_ + waiting_, part_ + kWidth, 0.0f);
    add_vector(part_);
    return sum_of(sums_) / float(count_);
  }

 private:
  void add_vector(const float* v) { sums_ = hn::MulAdd(load(v), load(v), sums_); }

  Vector sums_;
  float part_[kWidth];
  size_t waiting_ = 0;  // numbers in part_
  size_t count_ = 0;
};

// One token, one group.
void gated_norm_group(const float* z, VecView<const float> gain, float eps, size_t groups, size_t group,
                      std::span<const HeadPiece> pieces, float* y) {
  SquareSum squares;
  for (const HeadPiece& piece : pieces) {
    if (piece.head % groups != group) continue;
    float* v = y + piece.begin;
    for_each_vector(piece.count, [&](size_t i, size_t n) HWY_ATTR {
      store_n(hn::Mul(load_n(v + i, n), silu(load_n(z + piece.begin + i, n))), v + i, n);
    });
    squares.add(v, piece.count);
  }
  const Vector scale = broadcast(1 / std::sqrt(squares.mean() + eps));
  for (const HeadPiece& piece : pieces) {
    if (piece.head % groups != group) continue;
    float* v = y + piece.begin;
    for_each_vector(piece.count, [&](size_t i, size_t n) HWY_ATTR {
      store_n(hn::Mul(hn::Mul(load_n(v + i, n), scale), load_n(gain.data + piece.begin + i, n)), v + i, n);
    });
  }
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(gated_norm_group);

}  // namespace

void gated_norm(const Exec& exec, MatView<const float> z, VecView<const float> gain, float eps, size_t groups,
                std::span<const HeadPiece> pieces, MatView<float> y) {
  SN_CHECK(z.rows == y.rows && z.cols == y.cols && gain.size == y.cols && groups > 0, "gated_norm: shapes do not fit");
  for (const HeadPiece& piece : pieces) SN_CHECK(piece.begin + piece.count <= y.cols, "gated_norm: piece out of range");
  exec.pool.parallel_for(y.rows * groups, grain_of(4 * y.cols / groups), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      HWY_DYNAMIC_DISPATCH(gated_norm_group)(z.row(i / groups), gain, eps, groups, i % groups, pieces,
                                             y.row(i / groups));
  });
}

}  // namespace starnest
#endif
