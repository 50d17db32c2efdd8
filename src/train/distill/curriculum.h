// Which sizes a step trains, how much each counts, and on which data: the two stages of elastic training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starnest::train {

struct CurriculumSettings {
  double stage2_from = 0.6;            // part of the steps after which stage 2 begins; it needs stage2_weights
  std::vector<double> stage2_weights;  // of the sizes, largest first; empty: one stage, all sizes alike
  int micro_batches = 0;               // 0: every step runs all sizes on one batch. Else so many batches a step, each
                                       // with one size, drawn by systematic sampling of the stage's weights
  double short_share = 0;              // tasks: part of the samples of stage 1 with k from the lower half of its range

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("stage2_from", &CurriculumSettings::stage2_from, "part of the steps after which stage 2 begins, in [0, 1]");
    field("stage2_weights", &CurriculumSettings::stage2_weights,
          "weights of the sizes in stage 2, largest first; none = one stage, all sizes alike");
    field("micro_batches", &CurriculumSettings::micro_batches,
          "batches of a step, each with one size drawn by weight; 0 = all sizes on one batch");
    field("short_share", &CurriculumSettings::short_share,
          "part of the task samples of stage 1 that are short, in [0, 1]");
  }
};

// Pure: what step `step` does follows from the settings, the seed and its number.
class Curriculum {
 public:
  // Throws Error naming the first setting that is out of range or does not fit `sizes` sizes.
  Curriculum(const CurriculumSettings& settings, size_t sizes, int64_t steps, uint64_t seed);

  bool in_stage2(int64_t step) const { return step >= stage2_start_; }
  // Relative weights of the sizes at a step, largest size first; their mean is 1.
  const std::vector<double>& weights(int64_t step) const { return in_stage2(step) ? stage2_ : stage1_; }
  // The size of each micro-batch of a step: systematic sampling (one uniform offset, equal spacing), so each size gets
  // its expected number of batches to within one, in shuffled order.
  std::vector<size_t> draw(int64_t step) const;

 private:
  std::vector<double> stage1_, stage2_;
  int64_t stage2_start_;
  int micro_batches_;
  uint64_t seed_;
};

}  // namespace starnest::train
