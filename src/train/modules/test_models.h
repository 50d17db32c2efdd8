// What several tests of training share: a small model with every kind of block, weights that all matter, and a slicer
// written independently of the narrowed execution.
#pragma once

#include "train/modules/narrow.h"
#include "train/modules/parameters.h"

namespace starnest::train::test_models {

// `ME*-ME`-like; every axis can be cut at least twice. Hidden 48.
inline ModelSpec small_spec(bool bias = false) {
  ModelSpec spec;
  spec.architecture = "nemotron_h";
  spec.hidden = 48;
  spec.vocab = 30;
  const Mamba2Spec mamba{.heads = 6, .head_dim = 8, .groups = 2, .state = 4, .conv_width = 4, .proj_bias = bias};
  const AttentionSpec attention{.query_heads = 6, .kv_heads = 2, .head_dim = 8, .scale = 0.3f};
  const MlpSpec mlp{.ffn = 40, .bias = bias};
  const MoeSpec moe{
      .experts = 5, .experts_per_token = 2, .ffn = 24, .shared_ffn = 32, .scale = 1.5f, .shared_bias = bias};
  spec.blocks = {mamba, moe, attention, mlp, mamba, moe};
  return spec;
}

// Every tensor random with a visible spread: default values would hide mistakes.
inline Parameters random_weights(const ModelSpec& spec, torch::ScalarType dtype, int64_t seed = 3) {
  torch::manual_seed(uint64_t(seed));
  Parameters weights(spec, dtype);
  for (const Parameter& parameter : weights.all()) {
    const bool vector = parameter.spec.dims.size() == 1;
    const double scale = vector ? 0.3 : 1.0 / std::sqrt(double(parameter.value.size(-1)));
    const bool gain = parameter.spec.role == Role::block_norm || parameter.spec.role == Role::gated_norm ||
                      parameter.spec.role == Role::final_norm;
    parameter.value.copy_(torch::randn(parameter.value.sizes(), parameter.value.options()) * scale + (gain ? 1 : 0));
  }
  return weights;
}

// Of that model's vocabulary, [rows, 9].
inline Tensor some_ids(int64_t rows = 3) {
  torch::manual_seed(11);
  return torch::randint(0, 30, {rows, 9}, torch::kLong);
}

// The model cut out as a small model of its own: other spec, other tensors, no dropped blocks.
inline Parameters sliced(const Parameters& full, const Widths& widths) {
  std::vector<int> kept;
  for (size_t b = 0; b < widths.blocks.size(); ++b)
    if (widths.blocks[b].kept) kept.push_back(int(b));
  Parameters out(starnest::narrowed(full.spec(), widths), full.dtype());
  for (const Parameter& parameter : out.all()) {
    const int block = parameter.spec.block < 0 ? -1 : kept[size_t(parameter.spec.block)];
    Tensor value = full(parameter.spec.role, block);
    const std::vector<Dimension>& dims = full.parameter(parameter.spec.role, block).spec.dims;
    for (size_t d = 0; d < dims.size(); ++d) {
      const auto indices = kept_indices(dims[d], widths.at(block));
      const std::vector<int64_t> as_signed(indices.begin(), indices.end());
      value = value.index_select(int64_t(d), torch::tensor(as_signed, torch::kLong));
    }
    parameter.value.copy_(value.detach());
  }
  return out;
}

// Scatters a gradient of a sliced tensor to where it belongs in the full one; the rest is zero.
inline Tensor spread(const Tensor& small, const Parameter& full, const BlockWidths& widths) {
  Tensor out = small;
  for (size_t d = 0; d < full.spec.dims.size(); ++d) {
    const auto indices = kept_indices(full.spec.dims[d], widths);
    const std::vector<int64_t> as_signed(indices.begin(), indices.end());
    std::vector<int64_t> shape = out.sizes().vec();
    shape[d] = full.value.size(int64_t(d));
    out = torch::zeros(shape, out.options()).index_copy(int64_t(d), torch::tensor(as_signed, torch::kLong), out);
  }
  return out;
}

}  // namespace starnest::train::test_models
