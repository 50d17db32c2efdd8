// Trains a small hybrid model from scratch, on reasoning tasks or on text.
#pragma once

#include "base/progress.h"
#include "train/run/model_files.h"
#include "train/run/run_data.h"
#include "train/run/run_folder.h"

namespace starnest::train {

struct BalanceSettings {
  double bias_step = 1e-3;  // of the experts' correction biases; falls to 0 over the last fifth of the run
  double loss = 1e-4;       // weight of the sequence-wise balance loss
  double worst_load = 4;    // the run stops when an expert has more than this times the mean load ...
  int worst_steps = 500;    // ... for so many steps in a row

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("bias_step", &BalanceSettings::bias_step, "of the correction biases; falls to 0 over the last fifth");
    field("loss", &BalanceSettings::loss, "weight of the sequence-wise balance loss");
    field("worst_load", &BalanceSettings::worst_load, "stop when an expert has more than this times the mean load");
    field("worst_steps", &BalanceSettings::worst_steps, "... for so many steps in a row");
  }
};

struct PretrainSettings {
  RunSettings run{.steps = 3300};
  ModelSettings model;
  OptimizerSettings optimizer;
  BalanceSettings balance;
  DataSettings data;
};

std::string settings_text(const PretrainSettings& settings);  // all of them, one per line

// Writes settings.run.out: a model folder, with log and checkpoints in training/. Throws Error for bad settings, an
// unwritable folder, a loss that is not a number (naming the step), and experts that stay unbalanced.
// `progress` is called after every step and may throw to cancel: the run can then be resumed from its last checkpoint.
void pretrain(const PretrainSettings& settings, const Progress& progress = {});

}  // namespace starnest::train
