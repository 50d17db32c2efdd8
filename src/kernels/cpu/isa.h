// Which instruction set the kernels use. Chosen once at start: the best that the machine has, or the one that the
// environment variable STARNEST_ISA names. Highway's kernels follow the same choice.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace starnest {

// Ascending. avx512bf16 has the BF16 dot product; Highway's kernels do there what they do on avx512.
enum class Isa { portable, avx2, avx512, avx512bf16 };

std::string_view name_of(Isa isa);
std::span<const Isa> known_isas();  // ascending
std::vector<Isa> available_isas();  // those of this machine, ascending; portable always

// The one in use. Throws Error, once somebody asks, when STARNEST_ISA names none that the machine has.
Isa isa();

// Changes the choice. For tests: not while a kernel runs.
void use_isa(Isa isa);

}  // namespace starnest
