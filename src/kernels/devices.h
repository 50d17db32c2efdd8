// The back ends of this build.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device.h"

namespace starnest {

inline constexpr std::string_view kDefaultDevice = "cpu";

std::vector<std::string> device_names();

// Throws Error for a name that is not among them, and for a processor that cannot be had as the environment asks
// (STARNEST_ISA).
std::unique_ptr<Device> make_device(std::string_view name);

}  // namespace starnest
