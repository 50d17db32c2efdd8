#include "train/modules/causal_conv.h"

#include <optional>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

namespace starnest::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Shape {
  int64_t R, T, C, W;
};

// Calls tap(r, t, w, s) where tap w of token t reads token s of row r: those of its segment. Rows are shared between
// threads. `segments` [R, T] may be null.
template <class Tap>
void for_each_tap(const Shape& shape, const int64_t* segments, const Tap& tap) {
  const auto [R, T, C, W] = shape;
  at::parallel_for(0, R, 1, [&, T = T, W = W](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t t = 0; t < T; ++t)
        for (int64_t w = 0; w < W; ++w) {
          const int64_t s = t - (W - 1) + w;
          if (s >= 0 && (!segments || segments[r * T + s] == segments[r * T + t])) tap(r, t, w, s);
        }
  });
}

// Adds to y [R, T, C]. x [R, T, C] with rows of channels side by side, taps [W, C].
template <class Number>
void add_taps(const Shape& shape, const Tensor& x, const Number* taps, const int64_t* segments, Number* y) {
  const Number* x_data = x.data_ptr<Number>();
  const int64_t T = shape.T, C = shape.C, row = x.stride(0), token = x.stride(1);
  for_each_tap(shape, segments, [=](int64_t r, int64_t t, int64_t w, int64_t s) {
    Number* __restrict out = y + (r * T + t) * C;
    const Number* __restrict in = x_data + r * row + s * token;
    const Number* __restrict tap = taps + w * C;
    for (int64_t c = 0; c < C; ++c) out[c] += tap[c] * in[c];
  });
}

// Adds to x_gradient [R, T, C] and, per row, to taps_gradient [R, W, C].
template <class Number>
void add_gradients(const Shape& shape, const Tensor& x, const Number* taps, const int64_t* segments, const Number* g,
                   Number* x_gradient, Number* taps_gradient) {
  const Number* x_data = x.data_ptr<Number>();
  const int64_t T = shape.T, C = shape.C, W = shape.W, row = x.stride(0), token = x.stride(1);
  for_each_tap(shape, segments, [=](int64_t r, int64_t t, int64_t w, int64_t s) {
    const Number* __restrict out = g + (r * T + t) * C;
    const Number* __restrict in = x_data + r * row + s * token;
    const Number* __restrict tap = taps + w * C;
    Number* __restrict into_x = x_gradient + (r * T + s) * C;
    Number* __restrict into_tap = taps_gradient + (r * W + w) * C;
    for (int64_t c = 0; c < C; ++c) into_x[c] += out[c] * tap[c];
    for (int64_t c = 0; c < C; ++c) into_tap[c] += out[c] * in[c];
  });
}

const int64_t* data_or_null(const Tensor& segments) {
  return segments.defined() ? segments.data_ptr<int64_t>() : nullptr;
}

struct CausalConv : torch::autograd::Function<CausalConv> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& taps, const Tensor& bias,
                        const std::optional<Tensor>& segments_or_none) {
    const Tensor segments = segments_or_none.value_or(Tensor());
    const Tensor rows = x.stride(2) == 1 ? x : x.contiguous();  // a slice of the projection is read in place
    const Tensor by_tap = taps.squeeze(1).t().contiguous();     // [W, C]
    context->save_for_backward({rows, by_tap, segments});
    Tensor y = bias.expand(x.sizes()).contiguous();
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "causal_conv", [&] {
      add_taps<scalar_t>({x.size(0), x.size(1), x.size(2), by_tap.size(0)}, rows, by_tap.data_ptr<scalar_t>(),
                         data_or_null(segments), y.data_ptr<scalar_t>());
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &by_tap = saved[1], &segments = saved[2];
    const Tensor g = gradients[0].contiguous();
    Tensor x_gradient = torch::zeros(x.sizes(), g.options());
    Tensor taps_gradient = torch::zeros({x.size(0), by_tap.size(0), by_tap.size(1)}, g.options());
    AT_DISPATCH_FLOATING_TYPES(g.scalar_type(), "causal_conv", [&] {
      add_gradients<scalar_t>({x.size(0), x.size(1), x.size(2), by_tap.size(0)}, x, by_tap.data_ptr<scalar_t>(),
                              data_or_null(segments), g.data_ptr<scalar_t>(), x_gradient.data_ptr<scalar_t>(),
                              taps_gradient.data_ptr<scalar_t>());
    });
    return {x_gradient, taps_gradient.sum(0).t().unsqueeze(1), g.sum(torch::IntArrayRef{0, 1}), Tensor()};
  }
};

}  // namespace

Tensor causal_conv(const Tensor& x, const Tensor& taps, const Tensor& bias, const Tensor& segments) {
  return CausalConv::apply(x, taps, bias.defined() ? bias : torch::zeros({x.size(2)}, x.options()),
                           segments.defined() ? std::optional(segments.contiguous()) : std::nullopt);
}

}  // namespace starnest::train
