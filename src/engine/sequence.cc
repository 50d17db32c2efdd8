#include "engine/sequence.h"

#include <algorithm>
#include <cstring>

namespace starnest {
namespace {

size_t blocks_for(size_t tokens) { return (tokens + kKvBlock - 1) / kKvBlock; }

size_t elements(const MatView<float>& m) { return m.rows * m.cols; }
size_t elements(const Mamba2State& s) { return elements(s.conv_x) + elements(s.conv_bc) + elements(s.ssm); }

MatView<float> shape(size_t rows, size_t cols) { return {nullptr, rows, cols, cols}; }

}  // namespace

Sequence::Sequence(const Model& model, size_t size, DType kv_dtype) : size_(size) {
  size_t recurrent = 0;
  for (size_t b = 0; b < model.blocks.size(); ++b) {
    BlockState& state = states_.emplace_back();
    if (model.blocks[b].smallest > size) continue;
    if (const auto* mamba = std::get_if<Mamba2>(&model.blocks[b].mixer)) {
      const size_t history = mamba->taps_x.cols - 1, channels = mamba->channels(size);
      const Mamba2State parts{shape(history, channels), shape(history, mamba->taps_bc.rows),
                              shape(channels, mamba->state)};
      recurrent += elements(parts);
      state = parts;
    }
    if (const auto* attention = std::get_if<Attention>(&model.blocks[b].mixer)) {
      kv_.push_back({b, attention->kv_heads * attention->head_dim * size_of(kv_dtype), {}, {}, {}});
      state = KvView{{}, {}, attention->kv_heads, attention->head_dim, kv_dtype};
    }
  }
  recurrent_ = Pages(recurrent * sizeof(float));
  lay_out_recurrent();
}

void Sequence::lay_out_recurrent() {
  auto* at = reinterpret_cast<float*>(recurrent_.data());
  const auto place = [&at](MatView<float>& m) {
    m.data = at;
    at += elements(m);
  };
  for (BlockState& state : states_)
    if (auto* mamba = std::get_if<Mamba2State>(&state)) place(mamba->conv_x), place(mamba->conv_bc), place(mamba->ssm);
}

void Sequence::hold(KvStore& store, size_t index, std::shared_ptr<KvBlock> block) {
  store.keys[index] = block->bytes.get();
  store.values[index] = block->bytes.get() + kKvBlock * store.row_bytes;
  store.storage[index] = std::move(block);
}

void Sequence::show_kv() {
  for (const KvStore& store : kv_) {
    KvView& view = std::get<KvView>(states_[store.block]);
    view.keys = store.keys;
    view.values = store.values;
  }
}

void Sequence::reserve(size_t tokens) {
  const size_t blocks = blocks_for(position_ + tokens);
  for (KvStore& store : kv_) {
    const size_t bytes = 2 * kKvBlock * store.row_bytes;
    const auto fresh = [&] { return std::make_shared<KvBlock>(std::make_unique<std::byte[]>(bytes), bytes); };
    // What is written into from here on must be this sequence's own.
    for (size_t i = position_ / kKvBlock; i < store.storage.size(); ++i) {
      if (store.storage[i].use_count() == 1) continue;
      auto own = fresh();
      std::memcpy(own->bytes.get(), store.storage[i]->bytes.get(), bytes);
      hold(store, i, std::move(own));
    }
    const size_t before = store.storage.size();
    const size_t after = std::max(before, blocks);
    store.storage.resize(after), store.keys.resize(after), store.values.resize(after);
    for (size_t i = before; i < after; ++i) hold(store, i, fresh());
  }
  show_kv();
}

Sequence Sequence::fork() const {
  Sequence copy;
  copy.size_ = size_, copy.position_ = position_;
  copy.states_ = states_;
  copy.kv_ = kv_;
  copy.recurrent_ = Pages(recurrent_.size());
  if (recurrent_.size()) std::memcpy(copy.recurrent_.data(), recurrent_.data(), recurrent_.size());
  copy.lay_out_recurrent();
  copy.show_kv();
  return copy;
}

void Sequence::take_over(const Sequence& other) {
  position_ = other.position_;
  // Units are in memory by shell, so those of the smaller size come first in the larger one.
  const auto copy_common = [](const MatView<float>& from, const MatView<float>& to) {
    const size_t rows = std::min(from.rows, to.rows), cols = std::min(from.cols, to.cols);
    for (size_t r = 0; r < rows; ++r) std::copy_n(from.row(r), cols, to.row(r));
  };
  for (size_t b = 0; b < states_.size(); ++b) {
    const auto* from = std::get_if<Mamba2State>(&other.states_[b]);
    const auto* to = std::get_if<Mamba2State>(&states_[b]);
    if (!from || !to) continue;
    copy_common(from->conv_x, to->conv_x);
    copy_common(from->conv_bc, to->conv_bc);
    copy_common(from->ssm, to->ssm);
  }
  kv_ = other.kv_;
  show_kv();
}

std::vector<const Sequence::KvBlock*> Sequence::kv_blocks() const {
  std::vector<const KvBlock*> blocks;
  for (const KvStore& store : kv_)
    for (const auto& block : store.storage) blocks.push_back(block.get());
  return blocks;
}

}  // namespace starnest
