#include "runtime/sequence.h"

namespace starnest {
namespace {

MatView<float> zeros(std::vector<std::vector<float>>& owner, size_t rows, size_t cols) {
  owner.emplace_back(rows * cols, 0.0f);
  return {owner.back().data(), rows, cols, cols};
}

}  // namespace

Sequence::Sequence(const Model& model, size_t size) : size_(size) {
  for (size_t b = 0; b < model.blocks.size(); ++b) {
    BlockState state;
    if (const auto* mamba = std::get_if<Mamba2>(&model.blocks[b].mixer)) {
      const size_t history = mamba->taps_x.cols - 1;
      state =
          Mamba2State{zeros(recurrent_, history, mamba->taps_x.rows), zeros(recurrent_, history, mamba->taps_bc.rows),
                      zeros(recurrent_, mamba->in_x.rows, mamba->state)};
    }
    if (const auto* attention = std::get_if<Attention>(&model.blocks[b].mixer)) {
      kv_.push_back({b, attention->key.rows, {}, {}, {}});
      state = KvView{{}, {}, attention->kv_heads, attention->head_dim};
    }
    states_.push_back(state);
  }
}

void Sequence::reserve(size_t tokens) {
  const size_t blocks = (position_ + tokens + kKvBlock - 1) / kKvBlock;
  for (KvBlocks& kv : kv_) {
    while (kv.keys.size() < blocks) {
      kv.storage.emplace_back(2 * kKvBlock * kv.row_width, 0.0f);
      kv.keys.push_back(kv.storage.back().data());
      kv.values.push_back(kv.storage.back().data() + kKvBlock * kv.row_width);
    }
    KvView& view = std::get<KvView>(states_[kv.block]);
    view.keys = kv.keys;
    view.values = kv.values;
  }
}

}  // namespace starnest
