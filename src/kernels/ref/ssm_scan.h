// The plain loops that define kernels/ssm_scan.h.
#pragma once

#include "base/view.h"
#include "kernels/ssm_scan.h"

namespace starnest::ref {

void ssm_scan(const SsmInputs& in, MatView<float> state, MatView<float> y);

}  // namespace starnest::ref
