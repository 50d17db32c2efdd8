// What one sequence carries at one size: keys and values, recurrent states, the number of tokens read.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/model.h"

namespace starnest {

// Passive: the engine advances it. Belongs to one size of one engine; not thread-safe; movable. Its memory grows with
// the tokens read, in blocks of kKvBlock.
class Sequence {
 public:
  Sequence(const Model& model, size_t size);

  size_t size() const { return size_; }          // index of the size in its engine
  size_t position() const { return position_; }  // tokens read so far

 private:
  friend class Engine;

  struct KvBlocks {  // of one attention block
    size_t block = 0;
    size_t row_width = 0;  // K*Q
    std::vector<std::vector<float>> storage;
    std::vector<float*> keys, values;
  };

  void reserve(size_t tokens);  // room for `tokens` more

  size_t size_;
  size_t position_ = 0;
  std::vector<BlockState> states_;
  std::vector<std::vector<float>> recurrent_;
  std::vector<KvBlocks> kv_;
};

}  // namespace starnest
