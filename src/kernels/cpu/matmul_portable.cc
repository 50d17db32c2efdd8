// Plain C++: what every machine can run.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/dtype.h"
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

void fp8_tile(const PanelTile& tile) {
  const std::array<float, 256>& numbers = e4m3_table();
  run_tile(tile, [&](const uint32_t* x, float* sums) {
    const std::byte* panel = tile.panel;
    for (size_t k = 0; k < tile.columns; k += 2, panel += 2 * kRows)
      for (size_t odd = 0; odd < 2 && k + odd < tile.columns; ++odd) {
        const float value = std::bit_cast<float>(x[(k + odd) * tile.x_stride]);
        for (size_t r = 0; r < kRows; ++r) sums[r] += value * numbers[size_t(panel[2 * r + odd])];
      }
  });
}

// The sum of 12 + twice the number, times the int8, over row r of a record.
int32_t row_sum(const std::byte* codes, size_t r, const uint32_t* x, size_t stride) {
  int32_t sum = 0;
  for (size_t half = 0; half < 2; ++half)
    for (size_t i = 0; i < 4; ++i) {
      const auto pair = size_t(codes[(half * kRows + r) * 4 + i]);
      const auto int8_of = [&](size_t word) { return int32_t(int8_t(x[word * stride] >> (8 * i) & 0xffu)); };
      sum += int32_t{kE2m1Plus12[pair & 15]} * int8_of(2 * half);
      sum += int32_t{kE2m1Plus12[pair >> 4]} * int8_of(2 * half + 1);
    }
  return sum;
}

void nvfp4_tile(const PanelTile& tile) {
  const std::array<float, 256>& numbers = e4m3_table();
  run_tile(tile, [&](const uint32_t* x, float* sums) {
    const std::byte* record = tile.panel;
    const size_t stride = tile.x_stride;
    for (size_t k = 0; k < tile.columns; k += 16, record += kRecordBytes, x += kBlockWords * stride) {
      const float scale = std::bit_cast<float>(x[4 * stride]);
      const auto start = int32_t(x[5 * stride]);
      for (size_t r = 0; r < kRows; ++r) {
        const int32_t sum = start + row_sum(record + kRecordScales, r, x, stride);
        sums[r] = std::fma(float(sum) * numbers[size_t(record[r])], scale, sums[r]);
      }
    }
  });
}

}  // namespace

MatmulKernels portable_kernels() {
  return {.f32 = {4, Activations::f32, 1, f32_tile},
          .bf16 = {4, Activations::f32, 1, bf16_tile},
          .fp8 = {4, Activations::f32, 1, fp8_tile},
          .nvfp4 = {4, Activations::int8_blocks, 0.5f, nvfp4_tile}};  // codes count halves
}

}  // namespace starnest::cpu
