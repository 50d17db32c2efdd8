// The plain loops that define kernels/embed.h.
#pragma once

#include <span>

#include "core/base/dims.h"
#include "core/base/view.h"
#include "kernels/weight.h"

namespace starnest::ref {

void embed(std::span<const TokenId> ids, const WeightView& table, MatView<float> y);

}  // namespace starnest::ref
