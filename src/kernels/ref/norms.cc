#include <cmath>

#include "kernels/ref/ops.h"
#include "kernels/scalar.h"

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

void rms_norm(const Exec&, const Batch& batch, ByShells widths, MatView<const float> x, VecView<const float> gain,
              float eps, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    const size_t width = widths[shells - 1];
    float squares = 0;
    for (size_t i = 0; i < width; ++i) squares += x(t, i) * x(t, i);
    const float scale = 1 / std::sqrt(squares / float(width) + eps);
    for (size_t i = 0; i < width; ++i) y(t, i) = x(t, i) * scale * gain[i];
  });
}

void gated_norm(const Exec&, const Batch& batch, PiecesByShells pieces, MatView<const float> z,
                VecView<const float> gain, float eps, size_t groups, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t g = 0; g < groups; ++g) {
      float squares = 0;
      size_t width = 0;
      for_each_channel(pieces[shells - 1], groups, g, [&](size_t ch) {
        y(t, ch) *= silu(z(t, ch));
        squares += y(t, ch) * y(t, ch);
        ++width;
      });
      const float scale = 1 / std::sqrt(squares / float(width) + eps);
      for_each_channel(pieces[shells - 1], groups, g, [&](size_t ch) { y(t, ch) = y(t, ch) * scale * gain[ch]; });
    }
  });
}

}  // namespace starnest::ref
