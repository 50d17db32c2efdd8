#include "arch/model_spec.h"

namespace starnest {
namespace {

struct FullWidths {
  BlockWidths operator()(const Mamba2Spec& s) const {
    BlockWidths w;
    w[Axis::mamba_heads] = s.heads;
    w[Axis::mamba_head_dim] = s.head_dim;
    return w;
  }
  BlockWidths operator()(const AttentionSpec& s) const {
    BlockWidths w;
    w[Axis::query_heads] = s.query_heads;
    return w;
  }
  BlockWidths operator()(const MlpSpec& s) const {
    BlockWidths w;
    w[Axis::ffn] = s.ffn;
    return w;
  }
  BlockWidths operator()(const MoeSpec& s) const {
    BlockWidths w;
    w[Axis::moe_ffn] = s.ffn;
    w[Axis::shared_ffn] = s.shared_ffn;
    w[Axis::experts] = s.experts;
    return w;
  }
};

}  // namespace

char letter_of(const BlockSpec& block) { return "M*-E"[block.index()]; }

std::string pattern_of(const std::vector<BlockSpec>& blocks) {
  std::string pattern;
  for (const BlockSpec& block : blocks) pattern += letter_of(block);
  return pattern;
}

Widths full_widths(const ModelSpec& spec) {
  Widths widths;
  for (const BlockSpec& block : spec.blocks) widths.blocks.push_back(std::visit(FullWidths{}, block));
  widths.set_hidden(spec.hidden);
  return widths;
}

}  // namespace starnest
