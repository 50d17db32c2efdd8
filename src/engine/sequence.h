// What one sequence carries at one size: keys and values, recurrent states, the number of tokens read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "base/pages.h"
#include "model/model.h"

namespace starnest {

// Passive: the engine advances it. Belongs to one size of one engine; not thread-safe; movable. Its memory grows with
// the tokens read, in blocks of kKvBlock tokens.
class Sequence {
 public:
  size_t size() const { return size_; }
  size_t position() const { return position_; }  // tokens read so far

  Sequence(Sequence&&) = default;
  Sequence& operator=(Sequence&&) = default;

  // A second sequence that goes on from here. Keys and values are shared until one of the two writes into a block that
  // both hold; the recurrent state is copied. Only a fork can go back: a recurrent state cannot be cut.
  Sequence fork() const;

  // Memory of the state: what it has alone, and its blocks of keys and values, which forks may share.
  struct KvBlock {
    std::unique_ptr<std::byte[]> bytes;  // keys [kKvBlock][K*Q], then values
    size_t size = 0;
  };
  uint64_t own_bytes() const { return recurrent_.size(); }
  std::vector<const KvBlock*> kv_blocks() const;

 private:
  friend class Engine;

  struct KvStore {  // of one attention block
    size_t block = 0;
    size_t row_bytes = 0;  // K*Q numbers
    std::vector<std::shared_ptr<KvBlock>> storage;
    std::vector<std::byte*> keys, values;  // into storage
  };

  Sequence() = default;
  Sequence(const Model& model, size_t size, DType kv_dtype);
  // Goes on from where a sequence of another size stands. Channels of Mamba that the other lacks begin at zero. Keys
  // and values are shared as by fork(). Both have the same blocks with a state.
  void take_over(const Sequence& other);
  void show_kv();               // points the states of attention at kv_
  void lay_out_recurrent();     // points the Mamba states into recurrent_
  void reserve(size_t tokens);  // room for `tokens` more, in blocks of its own
  void hold(KvStore& store, size_t index, std::shared_ptr<KvBlock> block);

  size_t size_ = 0;
  size_t position_ = 0;
  std::vector<BlockState> states_;
  Pages recurrent_;  // floats, zero at the start: a long state costs nothing before it is used
  std::vector<KvStore> kv_;
};

}  // namespace starnest
