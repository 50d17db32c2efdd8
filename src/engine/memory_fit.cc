#include "engine/memory_fit.h"

#include <algorithm>
#include <limits>

#include "arch/cost.h"
#include "base/check.h"
#include "base/checked.h"
#include "base/text.h"
#include "engine/tensor_layout.h"
#include "engine/weights.h"
#include "kernels/attention.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr uint64_t kTooMany = std::numeric_limits<uint64_t>::max();
constexpr const char* kChoice = "auto";

uint64_t times(uint64_t a, uint64_t b) { return checked_mul(a, b).value_or(kTooMany); }
uint64_t plus(uint64_t a, uint64_t b) { return checked_add(a, b).value_or(kTooMany); }

// Numbers of 16 bits that are not BF16 have no kernels; they are widened.
uint64_t bytes_kept(const StoredTensor& tensor, const Widths& widths) {
  return stored_bytes(tensor, widths) * (tensor.encoding == Encoding::f16 ? 2 : 1);
}

// F32 beside weights that are all F32 in memory, as EngineOptions::kv_dtype says.
DType kv_beside(const PairedCheckpoint& stored) {
  const auto is_narrow = [](const StoredTensor& tensor) {
    return is_packed(tensor.spec.role) && resident_encoding(tensor) != Encoding::f32;
  };
  return std::any_of(stored.tensors().begin(), stored.tensors().end(), is_narrow) ? DType::bf16 : DType::f32;
}

std::string load_text(const Load& load) {
  return (load.sequences == 1 ? "a context" : grouped(load.sequences) + " contexts") + std::string(" of ") +
         grouped(load.context) + " tokens";
}

}  // namespace

uint64_t MemoryNeed::per_sequence(uint64_t context) const {
  return plus(state, times(context / kKvBlock + (context % kKvBlock != 0), kv_block));
}

uint64_t MemoryNeed::bytes(const Load& load) const {
  return plus(weights, times(load.sequences, per_sequence(load.context)));
}

uint64_t MemoryNeed::longest_context(uint64_t memory, uint64_t sequences, uint64_t most) const {
  SN_CHECK(sequences > 0, "a context belongs to a sequence");
  const uint64_t fixed = bytes({0, sequences});
  if (fixed > memory) return 0;
  if (kv_block == 0) return most;
  const uint64_t blocks = (memory - fixed) / times(sequences, kv_block);
  return std::min(times(blocks, kKvBlock), most);
}

MemoryNeed memory_need(const ModelSpec& spec, const Widths& widths, uint64_t weights, DType kv) {
  const StateCost state = state_cost_of(spec, widths);
  return {weights, sizeof(float) * (state.ssm + state.conv), kKvBlock * state.kv_per_token * size_of(kv)};
}

PerSize<MemoryNeed> memory_needs(const FamilySpec& family, const PairedCheckpoint& stored, std::optional<DType> kv) {
  const DType kv_dtype = kv ? *kv : kv_beside(stored);
  PerSize<MemoryNeed> needs;
  for (const Size& size : family.sizes.ascending()) {
    uint64_t weights = 0;
    for (const StoredTensor& tensor : stored.tensors()) weights += bytes_kept(tensor, size.widths);
    needs.add(memory_need(family.spec, size.widths, weights, kv_dtype));
  }
  return needs;
}

int most_context(const ModelSpec& spec) { return spec.max_context ? spec.max_context : kMostContext; }

bool asks_for_choice(const FamilySpec& family, std::span<const std::string> names) {
  return names.size() == 1 && names.front() == kChoice && !family.sizes.named(kChoice);
}

ChosenSize choose_size(const FamilySpec& family, const PerSize<MemoryNeed>& needs, Load load, uint64_t free) {
  if (load.context == 0) load.context = uint64_t(std::min(kUsualContext, most_context(family.spec)));
  const uint64_t usable = free - free / 10;
  const auto needed = [&](size_t size) { return bytes_text(needs.at(size).bytes(load)); };
  const auto name = [&](size_t size) { return family.sizes.at(size).name; };
  size_t size = needs.largest();
  while (size >= 1 && needs.at(size).bytes(load) > usable) --size;
  if (size == 0)
    throw Error({.where = "sizes auto",
                 .what = "not even the smallest size, " + in_quotes(name(1)) + ", fits with " + load_text(load),
                 .expected = needed(1) + " in nine tenths of the free memory",
                 .got = bytes_text(free) + " free",
                 .hint = "Take a shorter context, or name " + in_quotes(name(1)) + " to try all the same"});
  std::string notice = "sizes auto: " + in_quotes(name(size)) + ", which needs " + needed(size) + " with " +
                       load_text(load) + "; " + bytes_text(free) + " are free, a tenth of it for everything else";
  if (size < needs.largest()) notice += ". " + in_quotes(name(size + 1)) + " would need " + needed(size + 1);
  return {name(size), notice};
}

ChosenSize choose_size(const FamilySpec& family, Load load, std::optional<DType> kv, uint64_t free) {
  const PairedCheckpoint stored(family.spec, Checkpoint(family.folder));
  return choose_size(family, memory_needs(family, stored, kv), load, free);
}

}  // namespace starnest
