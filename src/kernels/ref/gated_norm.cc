#include "kernels/ref/gated_norm.h"

#include <cmath>

namespace starnest::ref {
namespace {

// One token, one group: body(ch) on each of the group's channels, in the order given.
template <class Body>
void for_each_channel(std::span<const HeadPiece> pieces, size_t groups, size_t group, const Body& body) {
  for (const HeadPiece& piece : pieces)
    if (piece.head % groups == group)
      for (size_t ch = piece.begin; ch < piece.begin + piece.count; ++ch) body(ch);
}

}  // namespace

void gated_norm(MatView<const float> z, VecView<const float> gain, float eps, size_t groups,
                std::span<const HeadPiece> pieces, MatView<float> y) {
  for (size_t t = 0; t < y.rows; ++t)
    for (size_t g = 0; g < groups; ++g) {
      float squares = 0;
      size_t width = 0;
      for_each_channel(pieces, groups, g, [&](size_t ch) {
        y(t, ch) *= z(t, ch) / (1 + std::exp(-z(t, ch)));
        squares += y(t, ch) * y(t, ch);
        ++width;
      });
      const float scale = 1 / std::sqrt(squares / float(width) + eps);
      for_each_channel(pieces, groups, g, [&](size_t ch) { y(t, ch) = y(t, ch) * scale * gain[ch]; });
    }
}

}  // namespace starnest::ref
