// What sizes need in memory and which of them fit: for `starnest inspect --memory`, and for the sizes "auto".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "arch/family_spec.h"
#include "arch/paired_checkpoint.h"
#include "base/dtype.h"
#include "nest/sizes.h"

namespace starnest {

// What is to run at once.
struct Load {
  uint64_t context = 0;  // tokens of each sequence
  uint64_t sequences = 1;
};

// In bytes. Without what one step takes for its activations, which depends on how many tokens it reads. Sums that no
// number can hold are the largest number.
struct MemoryNeed {
  uint64_t weights = 0;
  uint64_t state = 0;     // of a sequence: recurrent states and the tails of convolutions, F32
  uint64_t kv_block = 0;  // keys and values of kKvBlock tokens; 0: the size has no attention

  uint64_t per_sequence(uint64_t context) const;
  uint64_t bytes(const Load& load) const;
  // Tokens of each of so many sequences, whole blocks of them and at most `most`. 0: not even one block fits.
  uint64_t longest_context(uint64_t memory, uint64_t sequences, uint64_t most) const;
};

// Of a size whose weights take so many bytes. `kv`: F32 or BF16.
MemoryNeed memory_need(const ModelSpec& spec, const Widths& widths, uint64_t weights, DType kv);
// The same for weights as a folder stores them: what the engine keeps, but for the padding of its panels and the few
// small tensors that it widens.
PerSize<MemoryNeed> memory_needs(const FamilySpec& family, const PairedCheckpoint& stored,
                                 std::optional<DType> kv = {});

inline constexpr int kMostContext = 1 << 30;  // where the model sets no limit
int most_context(const ModelSpec& spec);      // that the model allows

// Whether these names ask for the choice: "auto" alone, where no size has that name.
bool asks_for_choice(const FamilySpec& family, std::span<const std::string> names);

struct ChosenSize {
  std::string name;
  std::string notice;  // a sentence: which one, and why
};
// The largest size that fits into nine tenths of `free`; the rest is for activations and for everyone else. A context
// of 0: room for kUsualContext tokens, or fewer where the model allows no more. Throws Error when not even the smallest
// fits.
inline constexpr int kUsualContext = 4096;
ChosenSize choose_size(const FamilySpec& family, Load load, std::optional<DType> kv, uint64_t free);
// The same of needs that are known.
ChosenSize choose_size(const FamilySpec& family, const PerSize<MemoryNeed>& needs, Load load, uint64_t free);

}  // namespace starnest
