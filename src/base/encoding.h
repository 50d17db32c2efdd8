// How the numbers of a matrix are encoded: in a checkpoint, packed in memory, and where costs are counted.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace starnest {

// fp8: E4M3 with one F32 scale per matrix. nvfp4: E2M1, two to a byte, with an E4M3 scale per 16 neighbours along the
// contraction and one F32 scale per matrix.
enum class Encoding { f32, bf16, f16, fp8, nvfp4 };

std::string_view name_of(Encoding encoding);  // "F32", "BF16", "F16", "FP8", "NVFP4"

std::string names_of(std::span<const Encoding> encodings);  // "NVFP4, BF16"

// No scales: every number stands by itself.
constexpr bool is_plain(Encoding encoding) { return encoding <= Encoding::f16; }

}  // namespace starnest
