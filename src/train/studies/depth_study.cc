// Width against depth at equal cost: each block dropped alone, against the best widths that cost as much.
#include <algorithm>
#include <cmath>

#include "arch/family_spec.h"
#include "base/text.h"
#include "starnest/error.h"
#include "train/jobs/cells.h"
#include "train/studies/studies.h"
#include "train/studies/study_jobs.h"

namespace starnest::train {
namespace {

constexpr double kSlack = 0.01;  // how far the costs of the two may differ, as a part of the full model

// Parts of the full width to choose from.
const std::vector<std::pair<Axis, std::vector<double>>> kParts{
    {Axis::hidden, {1, 0.875, 0.75}},   {Axis::moe_ffn, {1, 0.75, 0.5, 0.375, 0.25}},
    {Axis::shared_ffn, {1, 0.75, 0.5}}, {Axis::ffn, {1, 0.75, 0.5}},
    {Axis::mamba_heads, {1, 0.75}},     {Axis::query_heads, {1, 0.75, 0.5}}};

// A brief run mends a model without a block best at the first rate, and one with narrow widths at the second; each arm
// takes the better of its two.
const std::vector<std::pair<std::string, std::string>> kRates{{"", "0.003"}, {"-gentle", "0.0003"}};

// What of kParts the model's axes allow: whole groups, and multiples of 16 channels.
std::vector<std::string> choices_of(const ModelSpec& spec) {
  const auto allowed = [&](const std::string& text) {
    try {
      make_choices({.axes = {text}, .per_block = {}}, spec);
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  std::vector<std::string> choices;
  for (const auto& [axis, parts] : kParts) {
    const auto full = axis == Axis::hidden ? std::optional(spec.hidden) : full_widths(spec).uniform(axis);
    if (!full) continue;
    std::string text(key_of(axis));
    for (const double part : parts) {
      const std::vector<std::string> words{text, std::to_string(int(part * *full))};
      const std::string more = join(words, part == 1 ? "=" : ",");
      if (part == 1 || allowed(more)) text = more;
    }
    choices.push_back(std::move(text));
  }
  return choices;
}

// Repeated over blocks, not seeds: the model is given.
class DepthStudy : public Study {
 public:
  explicit DepthStudy(const StudySettings& settings) : settings_(settings) {
    if (settings.model.empty())
      throw Error({.where = "--model",
                   .what = "is needed for this study",
                   .hint = "Give the sorted model whose blocks are to be dropped, e.g. what `rank` wrote"});
    spec_ = read_family(settings.model).spec;
    choices_ = choices_of(spec_);
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
    std::vector<Job> all{cells()};
    append_runs(all, depth_run(unit), "layers=" + kept_layers(unit));
    if (std::filesystem::exists(folder("cells") / "cells.jsonl")) append_runs(all, width_run(unit), best_widths(unit));
    return all;
  }

  std::vector<Arm> arms(int unit) const override {
    std::vector<Arm> all;
    for (const bool before : {false, true}) {
      const std::string when = before ? ", before" : "";
      all.push_back({"depth" + when, {{"size", better_rate(depth_run(unit)), "size", before}}});
      all.push_back({"width" + when, {{"size", better_rate(width_run(unit)), "size", before}}});
    }
    return all;
  }

 private:
  std::filesystem::path folder(const std::string& job) const {
    return std::filesystem::path(settings_.out) / "depth" / job;
  }
  static std::string block_run(int unit, const std::string& arm) {
    const std::vector<std::string> words{"depth/block", std::to_string(unit - 1), "-", arm};
    return join(words, "");
  }
  static std::string depth_run(int unit) { return block_run(unit, "depth"); }
  // Blocks that cost the same share one.
  std::string width_run(int unit) const {
    int first = 1;
    while (cost_without(first) != cost_without(unit)) ++first;
    return block_run(first, "width");
  }
  std::string better_rate(const std::string& run) const {
    const auto kl = [&](const auto& rate) {
      return outcome_of(settings_.out, {"size", run + rate.first, "size", false}).kl;
    };
    return run + std::min_element(kRates.begin(), kRates.end(), [&](const auto& x, const auto& y) {
                   return kl(x) < kl(y);
                 })->first;
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
                                   "--tasks"};
    words.insert(words.end(), settings_.tasks.begin(), settings_.tasks.end());
    for (const std::string& choice : choices_) words.insert(words.end(), {"--choice", choice});
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

  void append_runs(std::vector<Job>& jobs, const std::string& name, const std::string& size) const {
    for (const auto& [suffix, rate] : kRates) {
      const std::string run = name + suffix;
      std::vector<std::string> words{"elastify",
                                     "--model",
                                     settings_.model,
                                     "--out",
                                     (std::filesystem::path(settings_.out) / run).string(),
                                     "--steps",
                                     std::to_string(settings_.short_steps),
                                     "--rate",
                                     rate,
                                     "--dev-problems",
                                     std::to_string(settings_.dev_problems),
                                     "--size",
                                     "size:" + size,
                                     "--mix-tasks"};
      words.insert(words.end(), settings_.tasks.begin(), settings_.tasks.end());
      jobs.push_back({run, std::move(words), "model.safetensors", true});
    }
  }

  StudySettings settings_;
  ModelSpec spec_;
  std::vector<std::string> choices_;
};

}  // namespace

std::unique_ptr<Study> depth_study(const StudySettings& settings) { return std::make_unique<DepthStudy>(settings); }

}  // namespace starnest::train
