// What the blocks see of a batch: rows of activations, cut into runs that belong to one sequence each.
#pragma once

#include <cstddef>
#include <span>
#include <variant>

#include "core/base/view.h"
#include "kernels/attention.h"

namespace starnest {

// What a Mamba-2 block carries from token to token. Channels lie in memory order (core/nest/segments.h).
struct Mamba2State {
  MatView<float> conv_x;   // [W-1, channels] last inputs of the convolution, x part
  MatView<float> conv_bc;  // [W-1, 2*G*N]
  MatView<float> ssm;      // [channels, N]
};

// State of one block for one sequence; blocks without state have monostate.
using BlockState = std::variant<std::monostate, Mamba2State, KvView>;

// Rows [first_row, first_row + rows) of the batch are tokens position.. of one sequence.
struct SequenceRun {
  size_t first_row = 0;
  size_t rows = 0;
  size_t position = 0;
  std::span<const BlockState> blocks;  // one per block of the model, in order
};

}  // namespace starnest
