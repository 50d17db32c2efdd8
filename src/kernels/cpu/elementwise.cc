#include "kernels/elementwise.h"

#include "kernels/cpu/grain.h"
#include "kernels/ref/elementwise.h"

namespace starnest {

void add(const Exec& exec, MatView<const float> x, MatView<float> y) {
  SN_CHECK(x.rows == y.rows && x.cols == y.cols, "add: x and y differ in shape");
  exec.pool.parallel_for(y.rows, grain_of(y.cols), [&](size_t begin, size_t end) {
    ref::add(x.row_range(begin, end - begin), y.row_range(begin, end - begin));
  });
}

void add_bias(const Exec& exec, VecView<const float> bias, MatView<float> y) {
  SN_CHECK(bias.size == y.cols, "add_bias: one bias per column");
  exec.pool.parallel_for(y.rows, grain_of(y.cols),
                         [&](size_t begin, size_t end) { ref::add_bias(bias, y.row_range(begin, end - begin)); });
}

void softplus_add(const Exec& exec, VecView<const float> bias, MatView<float> dt) {
  SN_CHECK(bias.size == dt.cols, "softplus_add: one bias per column");
  exec.pool.parallel_for(dt.rows, grain_of(dt.cols * kExpWork),
                         [&](size_t begin, size_t end) { ref::softplus_add(bias, dt.row_range(begin, end - begin)); });
}

}  // namespace starnest
