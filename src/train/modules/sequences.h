// What a pass reads.
#pragma once

#include <torch/torch.h>

namespace starnest::train {

using torch::Tensor;

// R rows of T tokens. Without segments each row is one sequence. With them a row holds several, packed: a token sees
// the tokens of its own segment only, in attention, in the convolution and in the state of the scan.
struct Sequences {
  Tensor ids;       // [R, T] int64
  Tensor segments;  // [R, T] int64, not descending along a row; or undefined

  Sequences(Tensor token_ids, Tensor token_segments = {})
      : ids(std::move(token_ids)), segments(std::move(token_segments)) {}
};

}  // namespace starnest::train
