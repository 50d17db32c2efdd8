// The processor that the program runs on, with one of its instruction sets.
#pragma once

#include <memory>

#include "kernels/cpu/isa.h"
#include "kernels/device.h"

namespace starnest {

std::unique_ptr<Device> make_cpu_device(Isa isa);

}  // namespace starnest
