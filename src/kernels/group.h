// The tokens of a batch grouped by expert, so that an expert's weights are read once for all tokens that chose it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

// Views into the arena; valid until it is rewound.
struct ExpertGroups {
  std::span<const size_t> begin;  // [E + 1] offsets into rows
  std::span<const int32_t> rows;  // [T*J] token numbers, ascending within an expert
  MatView<const int32_t> slots;   // [T, J] where the pair (t, j) of ids stands in rows

  std::span<const int32_t> rows_of(size_t e) const { return rows.subspan(begin[e], begin[e + 1] - begin[e]); }
};

// The same, as a back end fills them.
struct ExpertGroupArrays {
  std::span<size_t> begin;
  std::span<int32_t> rows;
  MatView<int32_t> slots;
};

// ids [T, J] as `route` gives them, each in [0, experts); the CPU checks them (abort).
ExpertGroups group_by_expert(const Exec& exec, MatView<const int32_t> ids, size_t experts);

}  // namespace starnest
