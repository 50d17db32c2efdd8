// Width against depth at equal cost: each block dropped alone, against the best widths that cost as much.
#include <cmath>

#include "core/arch/family_spec.h"
#include "core/base/text.h"
#include "starnest/error.h"
#include "train/recipes/cells.h"
#include "train/recipes/size_text.h"
#include "train/studies/studies.h"
#include "train/studies/study_jobs.h"

namespace starnest::train {
namespace {

const std::vector<std::string> kChoices{"hidden_size=128,112,96", "moe_intermediate_size=128,96,64,48,32",
                                        "moe_shared_expert_intermediate_size=128,96,64", "mamba_num_heads=8,6",
                                        "num_attention_heads=8,6,4"};
constexpr double kSlack = 0.01;  // how far the costs of the two may differ, as a part of the full model

// Repeated over blocks, not seeds: the model is given.
class DepthStudy : public Study {
 public:
  explicit DepthStudy(const StudySettings& settings) : settings_(settings) {
    if (settings.model.empty())
      throw Error({.where = "--model",
                   .what = "is needed for this study",
                   .hint = "Give the sorted model whose blocks are to be dropped, e.g. what `rank` wrote"});
    spec_ = read_family(settings.model).spec;
  }

  std::string question() const override {
    return "Is it better to cut widths or to drop a block, at the same active parameters and equally brief training?";
  }
  std::string unit() const override { return "block"; }
  int units() const override { return int(spec_.blocks.size()); }

  std::vector<Claim> claims() const override {
    return {{"the best widths beat dropping a block", "width", "depth", "size"},
            {"also without any training", "width, before", "depth, before", "size"}};
  }

  std::vector<Job> jobs(int unit) const override {
    std::vector<Job> all{cells(), run(unit, "depth", "layers=" + kept_layers(unit))};
    if (std::filesystem::exists(folder("cells") / "cells.jsonl")) all.push_back(run(unit, "width", best_widths(unit)));
    return all;
  }

  std::vector<Arm> arms(int unit) const override {
    std::vector<Arm> all;
    for (const bool before : {false, true})
      for (const char* arm : {"depth", "width"})
        all.push_back({before ? std::string(arm) + ", before" : arm, {{"size", name(unit, arm), "size", before}}});
    return all;
  }

 private:
  std::filesystem::path folder(const std::string& job) const {
    return std::filesystem::path(settings_.out) / "depth" / job;
  }
  static std::string name(int unit, const std::string& arm) {
    return "depth/block" + std::to_string(unit - 1) + "-" + arm;
  }

  std::string kept_layers(int unit) const {
    std::vector<std::string> kept;
    for (int b = 0; b < units(); ++b)
      if (b != unit - 1) kept.push_back(std::to_string(b));
    return join(kept, "+");
  }

  // Without one block, as a part of the full model's active parameters.
  double cost_without(int unit) const {
    const double full = exact_cost(spec_, full_widths(spec_), CostKind::active_parameters);
    Widths widths = full_widths(spec_);
    widths.blocks[size_t(unit - 1)].kept = false;
    return exact_cost(spec_, widths, CostKind::active_parameters) / full;
  }

  Job cells() const {
    double least = 1, most = 0;
    for (int unit = 1; unit <= units(); ++unit)
      least = std::min(least, cost_without(unit)), most = std::max(most, cost_without(unit));
    std::vector<std::string> words{"cells",
                                   "--model",
                                   settings_.model,
                                   "--out",
                                   (folder("cells") / "cells.jsonl").string(),
                                   "--least",
                                   std::to_string(least - kSlack),
                                   "--most",
                                   std::to_string(most + kSlack),
                                   "--families"};
    words.insert(words.end(), settings_.families.begin(), settings_.families.end());
    for (const std::string& choice : kChoices) words.insert(words.end(), {"--choice", choice});
    return {"depth/cells", std::move(words), "cells.jsonl", false};
  }

  // The cell with the least KL among those that cost as much as the model without the block.
  std::string best_widths(int unit) const {
    const double cost = cost_without(unit);
    const MeasuredCell* best = nullptr;
    const std::vector<MeasuredCell> cells = read_cells((folder("cells") / "cells.jsonl").string());
    for (const MeasuredCell& cell : cells)
      if (std::abs(cell.cost - cost) <= kSlack && (!best || cell.kl < best->kl)) best = &cell;
    if (!best)
      throw Error("block " + std::to_string(unit - 1),
                  "no combination of widths costs as much as the model without it");
    return best->size;
  }

  Job run(int unit, const std::string& arm, const std::string& size) const {
    std::vector<std::string> words{"elastify",
                                   "--model",
                                   settings_.model,
                                   "--out",
                                   (std::filesystem::path(settings_.out) / name(unit, arm)).string(),
                                   "--steps",
                                   std::to_string(settings_.short_steps),
                                   "--dev-problems",
                                   std::to_string(settings_.dev_problems),
                                   "--size",
                                   "size:" + size,
                                   "--mix-families"};
    words.insert(words.end(), settings_.families.begin(), settings_.families.end());
    return {name(unit, arm), std::move(words), "model.safetensors", true};
  }

  StudySettings settings_;
  ModelSpec spec_;
};

}  // namespace

std::unique_ptr<Study> depth_study(const StudySettings& settings) { return std::make_unique<DepthStudy>(settings); }

}  // namespace starnest::train
