// Processes the channels of a model by importance and writes the model with the most important ones first.
#pragma once

#include <string>

#include "base/progress.h"
#include "train/run/run_data.h"

namespace starnest::train {

struct RankSettings {
  std::string model;                 // folder to read
  std::string out;                   // folder to make
  int64_t seed = 1;                  // of the samples
  int samples = 1024;                // that are read; completions only
  int layer_samples = 200;           // of these, for the ranking of blocks; 0: no such ranking
  std::string order = "importance";  // or "random": what a ranking is worth, for comparison
  bool rotate = false;               // turn the residual stream into its principal axes first
  int threads = 1;
  bool force = false;  // replace `out` when it is not empty

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("model", &RankSettings::model, "model folder to read");
    field("out", &RankSettings::out, "folder to make: the sorted model, and training/scores.json and .html");
    field("seed", &RankSettings::seed, "of the samples");
    field("samples", &RankSettings::samples, "samples that the model reads");
    field("layer_samples", &RankSettings::layer_samples, "of these, for the ranking of blocks; 0 = none");
    field("order", &RankSettings::order, "importance, or random: what a ranking is worth, for comparison");
    field("rotate", &RankSettings::rotate, "turn the residual stream into its principal axes first");
    field("threads", &RankSettings::threads, "threads of LibTorch");
    field("force", &RankSettings::force, "replace the folder when it is not empty");
  }
};

struct RankJob {
  RankSettings settings;
  DataSettings data{.mix = {.growth = 0}, .batch = {}, .text = {}};
};

// Hidden channels; inner channels of dense MLPs, of every routed expert and of shared experts; experts; query heads;
// Mamba heads and their channels. Blocks are ranked, not moved. Throws Error when
// the sorted model does not compute what the original computes (1e-5 relative). `progress` is called after every batch
// and may throw to cancel; then nothing is left behind.
void rank(const RankJob& job, const Progress& progress = {});

}  // namespace starnest::train
