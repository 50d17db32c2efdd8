#include "arch/tensors.h"

#include <initializer_list>
#include <utility>

namespace starnest {
namespace {

Dimension one(Segment segment) { return {segment}; }
Dimension whole(int extent) { return one(plain_segment(Axis::none, extent)); }
Dimension residual(const ModelSpec& model) { return one(dial_of(model, -1, Axis::hidden).units); }

std::vector<Part> fused(std::initializer_list<std::pair<Role, size_t>> parts) {
  std::vector<Part> out;
  size_t first = 0;
  for (const auto& [role, count] : parts) {
    out.push_back({role, first, count});
    first += count;
  }
  return out;
}

// Adds the tensors of one block.
struct BlockTensors {
  const ModelSpec& model;
  Experts experts;
  int block;
  std::vector<TensorSpec>& out;

  Dimension hidden() const { return residual(model); }
  // What a dial of the block shortens, each unit with its channels.
  Segment units(Axis axis) const { return dial_of(model, block, axis).units; }

  void add(Role role, std::vector<Dimension> dims, std::vector<Part> parts) const {
    out.push_back({{.block = block, .dims = std::move(dims)}, role, std::move(parts), {}});
  }
  void add(Role role, std::vector<Dimension> dims) const {
    const size_t segments = dims.front().size();
    add(role, std::move(dims), {{role, 0, segments}});
  }
  // A matrix [rows, cols] of one expert, or of all of them.
  void add_routed(const MoeSpec& s, Role role, const Dimension& rows, const Dimension& cols, int expert = -1) const {
    std::vector<Dimension> dims{rows, cols};
    if (expert < 0) dims.insert(dims.begin(), one(units(Axis::experts)));
    out.push_back(
        {{block, expert, Use::routed, s.experts_per_token, std::move(dims)}, role, {{role, 0, rows.size()}}, {}});
  }

  void operator()(const Mamba2Spec& s) const {
    const Segment x = units(Axis::mamba_heads);
    const Segment heads{.unit_axis = x.unit_axis, .units = x.units, .groups = x.groups};
    const Segment b = plain_segment(Axis::none, s.groups * s.state);
    const Dimension in_rows{x, x, b, b, heads};
    const Dimension conv_rows{x, b, b};
    add(Role::mamba_in, {in_rows, hidden()},
        fused({{Role::in_z, 1}, {Role::in_x, 1}, {Role::in_bc, 2}, {Role::in_dt, 1}}));
    if (s.proj_bias)
      add(Role::mamba_in_bias, {in_rows},
          fused({{Role::in_z_bias, 1}, {Role::in_x_bias, 1}, {Role::in_bc_bias, 2}, {Role::in_dt_bias, 1}}));
    add(Role::conv_taps, {conv_rows, whole(1), whole(s.conv_width)}, fused({{Role::taps_x, 1}, {Role::taps_bc, 2}}));
    if (s.conv_bias) add(Role::conv_bias, {conv_rows}, fused({{Role::conv_bias_x, 1}, {Role::conv_bias_bc, 2}}));
    add(Role::decay_log, {one(heads)});
    add(Role::skip, {one(heads)});
    add(Role::dt_bias, {one(heads)});
    add(Role::gated_norm, {one(x)});
    add(Role::mamba_out, {hidden(), one(x)});
    if (s.proj_bias) add(Role::mamba_out_bias, {hidden()});
  }

  void operator()(const AttentionSpec& s) const {
    const Dimension heads = one(units(Axis::query_heads));
    add(Role::query, {heads, hidden()});
    add(Role::key, {whole(s.kv_heads * s.head_dim), hidden()});
    add(Role::value, {whole(s.kv_heads * s.head_dim), hidden()});
    add(Role::attention_out, {hidden(), heads});
  }

  void operator()(const MlpSpec& s) const {
    const Dimension ffn = one(units(Axis::ffn));
    add(Role::up, {ffn, hidden()});
    if (s.bias) add(Role::up_bias, {ffn});
    add(Role::down, {hidden(), ffn});
    if (s.bias) add(Role::down_bias, {hidden()});
  }

  void operator()(const MoeSpec& s) const {
    const Dimension choices = one(units(Axis::experts));
    const Dimension ffn = one(units(Axis::moe_ffn));
    const Dimension shared = one(units(Axis::shared_ffn));
    add(Role::gate, {choices, hidden()});
    add(Role::gate_bias, {choices});
    if (experts == Experts::stacked) {
      add_routed(s, Role::expert_up, ffn, hidden());
      add_routed(s, Role::expert_down, hidden(), ffn);
    }
    for (int e = 0; e < s.experts && experts == Experts::apart; ++e) {
      add_routed(s, Role::expert_up, ffn, hidden(), e);
      add_routed(s, Role::expert_down, hidden(), ffn, e);
    }
    add(Role::shared_up, {shared, hidden()});
    if (s.shared_bias) add(Role::shared_up_bias, {shared});
    add(Role::shared_down, {hidden(), shared});
    if (s.shared_bias) add(Role::shared_down_bias, {hidden()});
  }
};

}  // namespace

bool is_linear(Role role) {
  switch (role) {
    case Role::mamba_in:
    case Role::mamba_out:
    case Role::query:
    case Role::key:
    case Role::value:
    case Role::attention_out:
    case Role::up:
    case Role::down:
    case Role::expert_up:
    case Role::expert_down:
    case Role::shared_up:
    case Role::shared_down:
      return true;
    default:
      return false;
  }
}

bool is_linear_bias(Role role) {
  switch (role) {
    case Role::mamba_in_bias:
    case Role::mamba_out_bias:
    case Role::up_bias:
    case Role::down_bias:
    case Role::shared_up_bias:
    case Role::shared_down_bias:
      return true;
    default:
      return false;
  }
}

std::string_view module_of(std::string_view tensor) {
  constexpr std::string_view kWeight = ".weight";
  return tensor.ends_with(kWeight) ? tensor.substr(0, tensor.size() - kWeight.size()) : tensor;
}

void announce_no_prediction_layers(HfConfig& config) {
  for (const char* key : {"num_nextn_predict_layers", "num_mtp_layers", "mtp_num_layers", "mtp_num_hidden_layers"})
    if (config.has({key})) config.set({key}, 0);
}

HasTensor names_in(const Checkpoint& checkpoint) {
  return [&checkpoint](std::string_view name) { return checkpoint.find(name).has_value(); };
}

std::vector<TensorSpec> unnamed_tensors(const ModelSpec& spec, Experts experts) {
  std::vector<TensorSpec> tensors;
  const Dimension hidden = residual(spec), vocab = whole(spec.vocab);
  const auto add = [&](Role role, int block, std::vector<Dimension> dims, Use use = Use::always) {
    tensors.push_back({{.block = block, .use = use, .dims = std::move(dims)}, role, {{role, 0, 1}}, {}});
  };
  // A tied table is the head as well, and that is read whole.
  add(Role::embedding, -1, {vocab, hidden}, spec.tied_head ? Use::always : Use::one_row);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    add(Role::block_norm, int(b), {hidden});
    std::visit(BlockTensors{spec, experts, int(b), tensors}, spec.blocks[b]);
  }
  add(Role::final_norm, -1, {hidden});
  if (!spec.tied_head) add(Role::head, -1, {vocab, hidden});
  return tensors;
}

}  // namespace starnest
