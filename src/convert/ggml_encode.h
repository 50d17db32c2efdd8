// Numbers as ggml stores them, bit for bit as its reference (gguf-py and ggml-quants.c) does.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "format/weights/gguf_writer.h"

namespace starnest {

// Whether a number of them has no counterpart in the type: too large for F16; for Q8_0, whose blocks have an F16 scale,
// also not finite.
bool fit_ggml(GgmlType type, std::span<const float> numbers);

// Whole blocks of F32, F16, BF16 or Q8_0, added to `out`.
void encode_ggml(GgmlType type, std::span<const float> numbers, std::vector<std::byte>& out);

// Blocks of 64 out of NVFP4 as base/quantized.h describes it, added to `out`: 4 scales, then the codes, where those of
// 16 neighbours lie as (0, 8), (1, 9), ... in a byte. The scale of the tensor stays outside. Scales have no sign.
void pack_ggml_nvfp4(std::span<const std::byte> codes, std::span<const std::byte> scales, std::vector<std::byte>& out);

}  // namespace starnest
