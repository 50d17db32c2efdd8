// Private to arch: the tensors of a quantised matrix in a checkpoint, in the two spellings that there are.
//
//               NVIDIA's Model Optimizer    compressed-tensors
// NVFP4 codes   X.weight                    X.weight_packed
// block scales  X.weight_scale              X.weight_scale
// tensor scale  X.weight_scale_2            X.weight_global_scale, by which numbers are divided
// input scale   X.input_scale               X.input_global_scale
// FP8           X.weight, X.weight_scale, X.input_scale in both
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arch/paired_checkpoint.h"

namespace starnest {

std::string where_of(const TensorRef& tensor);  // file and tensor, for messages

// `shape` is what the tensor should have.
[[noreturn]] void wrong_shape(const TensorRef& tensor, std::span<const uint64_t> shape, std::string_view of);

// What compressed-tensors calls the codes of a weight.
std::string packed_name(std::string_view weight);

// The tensor of this name, which counts as used from then on.
using Claim = std::function<std::optional<TensorRef>(const std::string& name)>;

// Finds and checks what belongs to `tensor`, whose codes, spec and encoding are known; `shape` is that of its numbers.
// Throws Error naming the tensor that is missing or wrong, and for a matrix that cannot be quantised.
void pair_quantized(StoredTensor& tensor, const std::vector<uint64_t>& shape, const Claim& claim);

// Finds and checks the scale that a calibrated FP8 cache of keys or values has: X.k_scale, X.v_scale.
void pair_kv_scale(StoredTensor& tensor, const Claim& claim);

// Throws Error when a tensor that has no place in the model belongs to a way of quantising that is not implemented.
void refuse_unknown_format(const TensorRef& tensor);

}  // namespace starnest
