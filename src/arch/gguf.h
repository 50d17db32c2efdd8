// What an architecture says of a model in GGUF: the keys that describe it, and where its tensors lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/tensors.h"
#include "format/weights/gguf_writer.h"

namespace starnest {

// Where a tensor of the model lies. The matrices of the experts of a block, apart in a checkpoint, are one tensor
// there.
struct GgufPlace {
  std::string name;
  std::vector<uint64_t> shape;       // outermost first
  bool always_f32 = false;           // whatever type the matrices get
  bool negated_exponential = false;  // -exp(x) is stored in place of x
};

// The names of the scale of a quantised tensor and of the scale of its inputs, which llama.cpp keeps beside it.
std::string gguf_scale_of(const std::string& tensor);
std::string gguf_input_scale_of(const std::string& tensor);

}  // namespace starnest
