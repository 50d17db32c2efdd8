// Makes a sorted model elastic: distils it into several nested sizes at once.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "format/json/elastic_json.h"
#include "train/distill/curriculum.h"
#include "train/distill/optimizer.h"
#include "train/jobs/budgets.h"
#include "train/run/run_data.h"
#include "train/run/run_folder.h"

namespace starnest::train {

struct FamilySettings {
  std::string model;                // folder with the sorted parent, which is the teacher too
  std::vector<std::string> sizes;   // "name" is the full model; "name:key=value,..." with the keys of elastic.json
  std::string think;                // default plan: which size thinks; empty: the smallest
  std::string answer;               // and which one answers; empty: the largest
  std::string student;              // folder with the weights to begin from; empty: the parent's own
  double cross_entropy = 0;         // part of the loss that is cross entropy on the text, in [0, 1]; the rest is KL
  std::vector<std::string> freeze;  // what is not trained: embedding, head, gates, norms
  double average = 0;               // decay of the moving average of weights that is measured and written; 0: none

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("model", &FamilySettings::model, "folder with the sorted parent, which is the teacher too");
    field("size", &FamilySettings::sizes,
          "NAME, or NAME:KEY=VALUE,... with the keys of elastic.json (lists 0+1+3); repeat");
    field("think", &FamilySettings::think, "default plan: the size that thinks; empty = the smallest");
    field("answer", &FamilySettings::answer, "default plan: the size that answers; empty = the largest");
    field("student", &FamilySettings::student, "folder with the weights to begin from; empty = the parent's own");
    field("cross_entropy", &FamilySettings::cross_entropy,
          "part of the loss that is cross entropy on the text, in [0, 1]; the rest is KL from the parent");
    field("freeze", &FamilySettings::freeze, "what is not trained: embedding, head, gates (of experts), norms");
    field("average", &FamilySettings::average,
          "decay of a moving average of the weights (EMA), which is then measured and written, in [0, 1); 0 = none");
  }
};

struct ElastifySettings {
  RunSettings run{.steps = 760, .checkpoint_every = 100, .dev_every = 100};
  FamilySettings family;
  SearchSettings search;  // with budgets: in place of family.sizes
  RouterSettings router;  // of the search
  CurriculumSettings curriculum;
  OptimizerSettings optimizer{.rate = 3e-3, .warm_up = 30, .weight_decay = 0};
  DataSettings data{.mix = {.growth = 0}, .batch = {}, .text = {}};
};

std::string settings_text(const ElastifySettings& settings);

// Writes settings.run.out: a family folder (config.json, model.safetensors, elastic.json and the parent's small files),
// with log and checkpoints in training/. Every step runs all sizes on one batch against the frozen parent, or each of
// several batches with one size (distill/curriculum.h); correction biases are frozen. With budgets the run begins with
// a search: a router's probabilities mask the smaller sizes and learn with them; then the widths are decided, the
// router is thrown away, and the run goes on at those sizes (2511.16664 sections 3 and 4). Throws Error for bad sizes,
// an unwritable folder, and a loss that is not a number. `progress` is called after every step and may throw to cancel:
// the run can then be resumed from its last checkpoint.
void elastify(const ElastifySettings& settings, const Progress& progress = {});

}  // namespace starnest::train
