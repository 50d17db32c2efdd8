#include "kernels/gated_norm.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gated_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
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
void norm_group(const float* z, VecView<const float> gain, float eps, size_t groups, size_t group,
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

void gated_norm(const Exec& exec, const Batch& batch, PiecesByShells pieces, MatView<const float> z,
                VecView<const float> gain, float eps, size_t groups, MatView<float> y) {
  const auto norm_groups = [&](size_t begin, size_t end) HWY_ATTR {  // counted over the tokens in turn
    for_each_row(batch.spans, begin / groups, (end + groups - 1) / groups, [&](size_t t, size_t shells) HWY_ATTR {
      for (size_t g = std::max(begin, t * groups); g < std::min(end, (t + 1) * groups); ++g)
        norm_group(z.row(t), gain, eps, groups, g - t * groups, pieces[shells - 1], y.row(t));
    });
  };
  exec.pool.parallel_for(batch.rows() * groups, grain_of(4 * y.cols / groups), norm_groups);
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(gated_norm);

}  // namespace

void put_gated_norm(Ops& ops, Isa isa) { ops.gated_norm = STARNEST_OP_FOR(gated_norm, isa); }

}  // namespace starnest::cpu
#endif
