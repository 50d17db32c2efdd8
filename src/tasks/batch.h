// Samples in rows of equal length, for training and for teacher-forced evaluation. Nothing is packed: one sample per
// row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/mix.h"

namespace starnest::tasks {

// B rows of T tokens, row-major: row b, position t is at b * T + t. Plain memory, so that a tensor can be made over it.
//
//   loss = sum(mask * cross_entropy(logits(ids), targets)) / sum(mask)
struct SampleBatch {
  int64_t rows = 0;                        // B
  int64_t tokens = 0;                      // T
  std::vector<int64_t> ids;                // [B, T] the samples, right-padded with <pad>
  std::vector<int64_t> targets;            // [B, T] ids one position to the left; <pad> in the last column
  std::vector<float> mask;                 // [B, T] 1 where the target is part of the completion, else 0
  std::vector<int64_t> lengths;            // [B] tokens before the padding
  std::vector<int64_t> completion_starts;  // [B] as in TokenSample: masked positions are [completion_start - 1,
  std::vector<int64_t> answer_starts;      // [B]   length - 1), those of the answer begin at answer_start - 1
};

struct BatchConfig {
  int rows = 40;         // samples in a batch; >= 1
  int group = 16;        // batches that are drawn together and sorted by length, so that a batch pads little; >= 1
  int pad_multiple = 8;  // T is a multiple of this; >= 1

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("rows", &BatchConfig::rows, "samples in a batch");
    field("group", &BatchConfig::group, "batches that are drawn together and sorted by length");
    field("pad_multiple", &BatchConfig::pad_multiple, "the length of a batch is a multiple of this");
  }
};

void check(const BatchConfig& config);  // throws Error naming the field

// Rows in the order given; at least one sample.
SampleBatch make_batch(std::span<const TokenSample> samples, int pad_multiple);

// The training batches of one run, in order and addressable by number, so that a resumed run sees the same ones. Draws
// `group` batches at a time, sorts their samples by length, cuts, and shuffles the batches. Progress, which decides how
// large k may be, is that of the first batch of the group. Not thread-safe; holds one group.
class BatchStream {
 public:
  struct Run {
    Split split = Split::train;
    uint64_t seed = 0;
    uint64_t total_batches = 1;  // the length of training; batches beyond it are drawn at full progress
  };

  // Throws Error when a setting is out of range.
  BatchStream(MixConfig mix, BatchConfig config, Run run);

  // Valid until the next call.
  const SampleBatch& at(uint64_t index);

 private:
  void draw_group(uint64_t group);

  MixConfig mix_;
  BatchConfig config_;
  Run run_;
  uint64_t held_ = 0;  // the group in batches_, if any
  std::vector<SampleBatch> batches_;
};

}  // namespace starnest::tasks
