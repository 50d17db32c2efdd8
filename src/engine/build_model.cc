#include "engine/build_model.h"

#include <algorithm>
#include <span>

namespace starnest {
namespace {

// Builds the mixer of one block from what the spec says of it.
struct BuildMixer {
  const Weights& weights;
  int block;

  PackedMatrix matrix(Role role, int expert = -1) const { return weights.matrix(role, block, expert); }
  VecView<const float> vector(Role role) const { return weights.vector(role, block); }

  // Which channels belong to which head, for every resident size.
  PerSize<std::vector<HeadPiece>> pieces(const Mamba2Spec& s) const {
    const Segment channels = dial_of(dials_of(s), Axis::mamba_heads).units;
    const std::vector<BlockWidths> chain = weights.chain(block);
    PerSize<std::vector<HeadPiece>> of_sizes;
    for (const BlockWidths& size : std::span(chain).first(weights.resident())) {
      std::vector<HeadPiece> pieces;
      if (size.kept)
        for (const UnitPiece& piece : memory_pieces(channels, chain, size))
          pieces.push_back({piece.unit, piece.begin, piece.count});
      of_sizes.add(std::move(pieces));
    }
    return of_sizes;
  }

  Mixer operator()(const Mamba2Spec& s) const {
    Mamba2 m;
    m.in_z = matrix(Role::in_z), m.in_z_bias = vector(Role::in_z_bias);
    m.in_x = matrix(Role::in_x), m.in_x_bias = vector(Role::in_x_bias);
    m.in_bc = matrix(Role::in_bc), m.in_bc_bias = vector(Role::in_bc_bias);
    m.in_dt = matrix(Role::in_dt), m.in_dt_bias = vector(Role::in_dt_bias);
    m.taps_x = weights.table(Role::taps_x, block), m.conv_bias_x = vector(Role::conv_bias_x);
    m.taps_bc = weights.table(Role::taps_bc, block), m.conv_bias_bc = vector(Role::conv_bias_bc);
    m.dt_bias = vector(Role::dt_bias), m.decay = vector(Role::decay_log), m.skip = vector(Role::skip);
    m.norm = vector(Role::gated_norm);
    m.out = matrix(Role::mamba_out), m.out_bias = vector(Role::mamba_out_bias);
    m.groups = size_t(s.groups), m.state = size_t(s.state), m.norm_eps = weights.spec().norm_eps;
    m.pieces = pieces(s);
    return m;
  }

  Mixer operator()(const AttentionSpec& s) const {
    return Attention{matrix(Role::query), matrix(Role::key), matrix(Role::value), matrix(Role::attention_out), s.scale,
                     size_t(s.kv_heads),  size_t(s.head_dim)};
  }

  Mixer operator()(const MlpSpec&) const {
    return Mlp{matrix(Role::up), matrix(Role::down), vector(Role::up_bias), vector(Role::down_bias)};
  }

  Mixer operator()(const MoeSpec& s) const {
    Moe m;
    m.gate = matrix(Role::gate);
    m.gate_bias = vector(Role::gate_bias);
    m.routing = {size_t(s.experts_per_token), size_t(s.groups), size_t(s.groups_kept), s.normalize, s.scale};
    for (int e = 0; e < int(m.gate.rows()); ++e) {
      m.up.push_back(matrix(Role::expert_up, e));
      m.down.push_back(matrix(Role::expert_down, e));
    }
    m.shared = {matrix(Role::shared_up), matrix(Role::shared_down), vector(Role::shared_up_bias),
                vector(Role::shared_down_bias)};
    return m;
  }
};

// The smallest size that keeps the block; above all sizes when none does.
size_t smallest_with(std::span<const BlockWidths> chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), [](const BlockWidths& size) { return size.kept; });
  return size_t(found - chain.begin()) + 1;
}

}  // namespace

Model build_model(const Weights& weights) {
  const ModelSpec& spec = weights.spec();
  Model model;
  model.embedding = weights.matrix(Role::embedding, -1);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    const int block = int(b);
    Block& built = model.blocks.emplace_back();
    built.smallest = smallest_with(weights.chain(block));
    if (built.smallest > weights.resident()) continue;
    built.norm = weights.vector(Role::block_norm, block);
    built.mixer = std::visit(BuildMixer{weights, block}, spec.blocks[b]);
  }
  model.final_norm = weights.vector(Role::final_norm, -1);
  model.head = weights.matrix(spec.tied_head ? Role::embedding : Role::head, -1);
  model.norm_eps = spec.norm_eps;
  return model;
}

}  // namespace starnest
