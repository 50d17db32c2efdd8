// Weights from and to Hugging Face model folders.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "format/weights/safetensors.h"
#include "train/modules/weights.h"

namespace starnest::train {

// Reads the tensors of `folder` in any naming and plain encoding as F32. Throws what PairedCheckpoint throws, and Error
// for a quantised tensor.
// `note` is given a sentence for each kind of tensor that is not used.
Weights read_weights(const std::filesystem::path& folder, const ModelSpec& spec,
                     const std::function<void(const std::string&)>& note = {});

// Writes `file` (atomically) in F32 and release naming: prefix backbone., one matrix per expert.
void write_weights(const std::filesystem::path& file, const Weights& weights);

// A stored tensor as an F32 (or, for I64, int64) tensor of its shape; a copy.
Tensor read_tensor(const SafetensorsFile& file, const TensorInfo& info);

}  // namespace starnest::train
