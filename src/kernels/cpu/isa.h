// The instruction sets of the CPU back end.
#pragma once

#include <array>
#include <string_view>
#include <vector>

namespace starnest {

// Ascending. avx512bf16 has the BF16 dot product; Highway's kernels do there what they do on avx512.
enum class Isa { portable, avx2, avx512, avx512bf16 };
inline constexpr std::array kIsas{Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512bf16};

std::string_view name_of(Isa isa);
std::vector<Isa> available_isas();  // those of this machine, ascending; portable always

// The one that the environment variable STARNEST_ISA names, else the best of this machine. Throws Error when the name
// is none that the machine has.
Isa chosen_isa();

}  // namespace starnest
