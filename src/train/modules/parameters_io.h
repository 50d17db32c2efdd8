// Parameters from and to Hugging Face model folders.
#pragma once

#include <filesystem>
#include <string_view>

#include "format/weights/safetensors.h"
#include "train/modules/parameters.h"

namespace starnest::train {

// Reads the tensors of `folder` in any naming and dtype as F32. Throws Error for a tensor that is missing or has
// another shape than `spec` says.
Parameters read_weights(const std::filesystem::path& folder, const ModelSpec& spec);

// Writes `file` (atomically) in F32 and release naming: prefix backbone., one matrix per expert.
void write_weights(const std::filesystem::path& file, const Parameters& weights);

// A stored tensor as an F32 (or, for I64, int64) tensor of its shape; a copy.
Tensor read_tensor(const SafetensorsFile& file, const TensorInfo& info);

}  // namespace starnest::train
