// Which tensors the GGUF of a size has, and out of what each is made.
#pragma once

#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "arch/gguf.h"
#include "arch/paired_checkpoint.h"
#include "convert/kept_pieces.h"

namespace starnest {

// What the matrices become; vectors, gates and convolutions are F32 in any GGUF.
enum class GgufFormat { as_stored, bf16, f16, q8_0 };

// A tensor of the file: pieces of the checkpoint one after the other, or numbers that are at hand.
struct PlannedGguf {
  GgufTensor tensor;
  bool negated_exponential = false;
  std::vector<const StoredTensor*> sources;  // the matrices of all experts, or one tensor
  std::vector<float> numbers;                // without sources: the scales of a quantised tensor
};

// Experts are stacked in their order. NVFP4 keeps its codes and block scales; the scale of the whole, and that of its
// inputs, follow as tensors where they are not 1. `source` must outlive the plan.
//
// Throws Error naming the size and the tensor: for FP8, which GGUF does not know, for a quantised tensor that is asked
// for in another type, and for rows that are no multiple of the blocks of their type.
std::vector<PlannedGguf> plan_gguf(const FamilySpec& family, const Size& size, const PairedCheckpoint& source,
                                   GgufFormat format);

}  // namespace starnest
