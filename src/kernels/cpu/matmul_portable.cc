// Plain C++: what every machine can run.
#include <bit>
#include <cstring>

#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

constexpr size_t kRows = 32;

template <class Panel>
void run_tile(const PanelTile& tile, const Panel& times) {
  for (size_t j = 0; j < tile.tokens; ++j) {
    float* y = tile.y + j * tile.y_stride;
    float sums[kRows] = {};
    if (tile.continues) std::memcpy(sums, y, tile.rows * sizeof(float));
    times(tile.x + j, sums);
    std::memcpy(y, sums, tile.rows * sizeof(float));
  }
}

void bf16_tile(const PanelTile& tile) {
  run_tile(tile, [&](const uint32_t* x, float* sums) {
    const auto* pairs = reinterpret_cast<const uint32_t*>(tile.panel);
    for (size_t k = 0; k < tile.columns; k += 2, pairs += kRows) {
      const float even = std::bit_cast<float>(x[k * tile.x_stride]);
      const float odd = k + 1 < tile.columns ? std::bit_cast<float>(x[(k + 1) * tile.x_stride]) : 0.0f;
      for (size_t r = 0; r < kRows; ++r) sums[r] += even * std::bit_cast<float>(pairs[r] << 16);
      for (size_t r = 0; r < kRows; ++r) sums[r] += odd * std::bit_cast<float>(pairs[r] & 0xffff0000u);
    }
  });
}

void f32_tile(const PanelTile& tile) {
  run_tile(tile, [&](const uint32_t* x, float* sums) {
    const auto* weights = reinterpret_cast<const float*>(tile.panel);
    for (size_t k = 0; k < tile.columns; ++k, weights += kRows) {
      const float value = std::bit_cast<float>(x[k * tile.x_stride]);
      for (size_t r = 0; r < kRows; ++r) sums[r] += value * weights[r];
    }
  });
}

}  // namespace

MatmulKernels portable_kernels() { return {4, Activations::f32, bf16_tile, f32_tile}; }

}  // namespace starnest::cpu
