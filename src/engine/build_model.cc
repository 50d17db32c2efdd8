#include "engine/build_model.h"

#include <algorithm>
#include <span>

#include "kernels/attention.h"

namespace starnest {
namespace {

// Rows or columns of a matrix by shells.
std::vector<size_t> by_shells(const PackedMatrix& w, size_t PackedShell::* extent) {
  std::vector<size_t> extents;
  for (const PackedShell& shell : w.shells) extents.push_back(shell.*extent);
  return extents;
}
std::vector<size_t> rows_of(const PackedMatrix& w) { return by_shells(w, &PackedShell::rows); }
std::vector<size_t> cols_of(const PackedMatrix& w) { return by_shells(w, &PackedShell::cols); }

// Builds the mixer of one block from what the spec says of it.
struct BuildMixer {
  const Weights& weights;
  int block;
  DType kv_dtype;

  PackedMatrix matrix(Role role, int expert = -1) const { return weights.matrix(role, block, expert); }
  VecView<const float> vector(Role role) const { return weights.vector(role, block); }

  // Which channels belong to which head, for every resident size.
  std::vector<std::vector<HeadPiece>> pieces(const Mamba2Spec& s) const {
    const Segment channels = dial_of(dials_of(s), Axis::mamba_heads).units;
    const std::vector<BlockWidths> chain = weights.chain(block);
    std::vector<std::vector<HeadPiece>> of_sizes;
    for (const BlockWidths& size : std::span(chain).first(weights.resident())) {
      std::vector<HeadPiece> pieces;
      if (size.kept)
        for (const UnitPiece& piece : memory_pieces(channels, chain, size))
          pieces.push_back({piece.unit, piece.begin, piece.count});
      of_sizes.push_back(std::move(pieces));
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
    m.channels = rows_of(m.in_x), m.heads = rows_of(m.in_dt), m.bc = rows_of(m.in_bc), m.hidden = rows_of(m.out);
    m.pieces = pieces(s);
    return m;
  }

  Mixer operator()(const AttentionSpec& s) const {
    Attention a;
    a.query = matrix(Role::query), a.key = matrix(Role::key), a.value = matrix(Role::value);
    a.out = matrix(Role::attention_out);
    a.scale = s.scale, a.kv_heads = size_t(s.kv_heads), a.head_dim = size_t(s.head_dim), a.kv_dtype = kv_dtype;
    if (kv_dtype == DType::f8_e4m3)
      a.key_scale = weights.kv_scale(Role::key, block), a.value_scale = weights.kv_scale(Role::value, block);
    for (const size_t rows : rows_of(a.query)) a.heads.push_back(rows / a.head_dim);
    return a;
  }

  static Mlp mlp(const PackedMatrix& up, const PackedMatrix& down, VecView<const float> up_bias,
                 VecView<const float> down_bias) {
    return {up, down, up_bias, down_bias, rows_of(up), rows_of(down)};
  }

  Mixer operator()(const MlpSpec&) const {
    return mlp(matrix(Role::up), matrix(Role::down), vector(Role::up_bias), vector(Role::down_bias));
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
    m.shared = mlp(matrix(Role::shared_up), matrix(Role::shared_down), vector(Role::shared_up_bias),
                   vector(Role::shared_down_bias));
    m.experts = rows_of(m.gate), m.inner = rows_of(m.up.front()), m.hidden = cols_of(m.gate);
    return m;
  }
};

// The smallest size that keeps the block; above all sizes when none does.
size_t smallest_with(std::span<const BlockWidths> chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), [](const BlockWidths& size) { return size.kept; });
  return size_t(found - chain.begin()) + 1;
}

// Gives every state of a block its place in the sequences of one size; 0 where the size lacks the block.
struct PlaceStates {
  StateLayout& layout;
  size_t block;
  size_t size;
  bool kept;

  void operator()(Mamba2& m) const {
    const size_t history = m.taps_x.cols - 1, channels = kept ? m.channels[size - 1] : 0;
    m.conv_x_at.push_back(kept ? layout.add(block, history, channels) : 0);
    m.conv_bc_at.push_back(kept ? layout.add(block, history, m.taps_bc.rows) : 0);
    m.ssm_at.push_back(kept ? layout.add(block, channels, m.state) : 0);
  }
  void operator()(Attention& a) const {
    a.kv_at.push_back(kept ? layout.add_kv(KvLayout{a.kv_heads, a.head_dim, a.kv_dtype, {}}.bytes()) : 0);
  }
  void operator()(const Mlp&) const {}
  void operator()(const Moe&) const {}
};

PerSize<StateLayout> place_states(std::vector<Block>& blocks, size_t largest) {
  PerSize<StateLayout> layouts;
  for (size_t size = 1; size <= largest; ++size) {
    StateLayout layout;
    for (size_t b = 0; b < blocks.size(); ++b)
      std::visit(PlaceStates{layout, b, size, blocks[b].smallest <= size}, blocks[b].mixer);
    layouts.add(std::move(layout));
  }
  return layouts;
}

}  // namespace

Model build_model(const Weights& weights, DType kv_dtype) {
  const ModelSpec& spec = weights.spec();
  Model model;
  model.embedding = weights.matrix(Role::embedding, -1);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    const int block = int(b);
    Block& built = model.blocks.emplace_back();
    built.smallest = smallest_with(weights.chain(block));
    if (built.smallest > weights.resident()) continue;
    built.norm = weights.vector(Role::block_norm, block);
    built.mixer = std::visit(BuildMixer{weights, block, kv_dtype}, spec.blocks[b]);
  }
  model.final_norm = weights.vector(Role::final_norm, -1);
  model.head = weights.matrix(spec.tied_head ? Role::embedding : Role::head, -1);
  model.norm_eps = spec.norm_eps;
  model.hidden = cols_of(model.embedding);
  model.states = place_states(model.blocks, weights.resident());
  return model;
}

}  // namespace starnest
