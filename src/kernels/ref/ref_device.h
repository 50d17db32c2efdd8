// The plain loops as a complete back end: slow, and the truth that the others are measured against. Its weights lie row
// by row, each shell's columns block, then its rows block.
#pragma once

#include <memory>

#include "kernels/device.h"

namespace starnest {

std::unique_ptr<Device> make_ref_device();

namespace ref {

// w[r,k] of a matrix in the memory of such a device.
float element(const PackedMatrix& w, size_t r, size_t k);

}  // namespace ref
}  // namespace starnest
