// The plain loops that define kernels/gated_norm.h.
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/ssm_scan.h"

namespace starnest::ref {

void gated_norm(MatView<const float> z, VecView<const float> gain, float eps, size_t groups,
                std::span<const HeadPiece> pieces, MatView<float> y);

}  // namespace starnest::ref
