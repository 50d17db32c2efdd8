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

// [R, T - back]: whether a token and the one `back` before it are of the same segment.
inline Tensor same_segment(const Tensor& segments, int64_t back) {
  const int64_t T = segments.size(1);
  return segments.narrow(1, back, T - back).eq(segments.narrow(1, 0, T - back));
}

}  // namespace starnest::train
