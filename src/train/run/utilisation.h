// Model FLOP utilisation (MFU): the arithmetic that training needs over what the machine could do.
#pragma once

#include "arch/model_spec.h"
#include "nest/widths.h"

namespace starnest::train {

// Floating-point operations per second of a large F32 product on LibTorch's threads, the best of several: what MFU
// divides by. Takes about 0.1 s.
double product_rate();

// Operations per token of the matrix products of a size (a multiply-add counts two): a forward pass, and the three
// times as many of a training step (2204.02311, appendix B, without attention scores and the scan).
double forward_flops(const ModelSpec& spec, const Widths& widths);
inline double training_flops(const ModelSpec& spec, const Widths& widths) { return 3 * forward_flops(spec, widths); }

}  // namespace starnest::train
