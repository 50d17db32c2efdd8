// The plain loops that define kernels/gather.h.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/view.h"

namespace starnest::ref {

void gather_rows(MatView<const float> x, std::span<const int32_t> rows, MatView<float> y);
void scatter_add(MatView<const float> x, std::span<const int32_t> rows, std::span<const float> weights,
                 MatView<float> y);

void gather_add(MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y);

}  // namespace starnest::ref
