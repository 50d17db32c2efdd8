#include "train/studies/study_jobs.h"

#include <algorithm>

#include "arch/family_spec.h"
#include "arch/registry.h"
#include "train/jobs/cells.h"
#include "train/run/model_files.h"
#include "train/run/size_text.h"

namespace starnest::train {
namespace {

const std::vector<std::string> kChoices{"hidden_size=64,48,32", "moe_intermediate_size=64,48,32",
                                        "moe_shared_expert_intermediate_size=64,48,32", "num_attention_heads=8,6,4",
                                        "mamba_num_heads=4,2"};
const std::vector<std::string> kSizeNames{"medium", "small"};
const std::vector<double> kBudgets{0.75, 0.5};  // parts of the active parameters

constexpr double kSearched = 0.3;        // part of a router's run; the usual 400 steps would leave too few to train
constexpr const char* kDevEvery = "50";  // steps: the grain of the curves

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// How unequally a cell cuts its axes: the largest kept part less the smallest.
double spread(const Choices& choices, const Cell& cell) {
  double low = 1, high = 0;
  for (size_t list = 0; list < choices.axes.size(); ++list) {
    const std::vector<int>& widths = choices.axes[list].widths;
    const double part = double(widths[cell[list]]) / widths.front();
    low = std::min(low, part), high = std::max(high, part);
  }
  return high - low;
}

}  // namespace

StudyJobs::StudyJobs(const StudySettings& settings) : settings_(settings) {
  const HfConfig config = make_config(ModelSettings{}, Vocabulary{});
  spec_ = architecture_of(config).read(config);
  for (const std::string& text : kChoices) choices_.axes.push_back(parse_choices(text));
  const double full = exact_cost(spec_, full_widths(spec_), CostKind::active_parameters);
  const auto cells = all_cells(choices_, [&](const Cell& cell) {
    return exact_cost(spec_, widths_of(choices_, spec_, cell), CostKind::active_parameters) / full;
  });
  const Chain chain =
      best_chains(cells, kBudgets, [&](size_t, const Cell& cell) { return -spread(choices_, cell); }, 1).front();
  for (size_t b = 0; b < kBudgets.size(); ++b)
    uniform_.push_back(
        {kSizeNames[b],
         size_text(describe(spec_, {.name = kSizeNames[b], .widths = widths_of(choices_, spec_, chain.cells[b])}))});
}

std::vector<NamedSize> StudyJobs::family_of(const std::vector<NamedSize>& sizes) {
  std::vector<NamedSize> family{{"large", ""}};
  family.insert(family.end(), sizes.begin(), sizes.end());
  return family;
}

bool StudyJobs::done(const Job& job) const {
  return std::filesystem::exists(std::filesystem::path(path(job.name)) / job.result);
}

std::vector<std::string> StudyJobs::data_flags(int seed) const {
  std::vector<std::string> flags{"--seed", std::to_string(seed), "--mix-families"};
  append(flags, settings_.families);
  return flags;
}

std::vector<std::string> StudyJobs::run_words(const std::string& job, int seed, const std::string& name,
                                              int steps) const {
  std::vector<std::string> words{job,
                                 "--out",
                                 path(of(seed, name)),
                                 "--steps",
                                 std::to_string(steps),
                                 "--dev-problems",
                                 std::to_string(settings_.dev_problems)};
  append(words, data_flags(seed));
  return words;
}

Job StudyJobs::parent(int seed) const {
  return {of(seed, "parent"), run_words("pretrain", seed, "parent", settings_.parent_steps), "model.safetensors", true};
}

Job StudyJobs::ranked(int seed, const std::string& name, const std::vector<std::string>& options) const {
  std::vector<std::string> words{
      "rank", "--out", path(of(seed, name)), "--model", path(of(seed, "parent")), "--layer-samples", "0"};
  append(words, data_flags(seed));
  append(words, options);
  return {of(seed, name), std::move(words), "model.safetensors", false};
}

Job StudyJobs::elastic(int seed, const std::string& name, const std::string& model, const std::vector<NamedSize>& sizes,
                       int steps, const std::vector<std::string>& options) const {
  std::vector<std::string> words = run_words("elastify", seed, name, steps);
  append(words, {"--model", path(of(seed, model)), "--dev-every", kDevEvery});
  for (const NamedSize& size : sizes)
    append(words, {"--size", size.text.empty() ? size.name : size.name + ":" + size.text});
  append(words, options);
  return {of(seed, name), std::move(words), "model.safetensors", true};
}

Job StudyJobs::searched(int seed, const std::string& name, const std::string& model) const {
  std::vector<std::string> options;
  for (size_t b = 0; b < kBudgets.size(); ++b)
    append(options, {"--budget", kSizeNames[b] + "=" + std::to_string(kBudgets[b])});
  for (const std::string& choice : kChoices) append(options, {"--choice", choice});
  append(options, {"--router-steps", std::to_string(std::max(1, int(kSearched * settings_.steps)))});
  return elastic(seed, name, model, {}, settings_.steps, options);
}

Job StudyJobs::cells(int seed, const std::string& name, const std::string& model) const {
  std::vector<std::string> words{"cells",
                                 "--out",
                                 path(of(seed, name)) + "/cells.jsonl",
                                 "--model",
                                 path(of(seed, model)),
                                 "--least",
                                 std::to_string(kLeastOfCap * kBudgets[1]),
                                 "--most",
                                 std::to_string(kBudgets[0]),
                                 "--problems",
                                 std::to_string(std::min(200, settings_.dev_problems)),
                                 "--families"};
  append(words, settings_.families);
  for (const std::string& choice : kChoices) append(words, {"--choice", choice});
  return {of(seed, name), std::move(words), "cells.jsonl", false};
}

Job StudyJobs::from_scratch(int seed, const std::string& name, const NamedSize& size, int steps) const {
  static const std::map<Axis, std::string> kFlags{{Axis::hidden, "--model-hidden"},
                                                  {Axis::moe_ffn, "--model-expert-ffn"},
                                                  {Axis::shared_ffn, "--model-shared-ffn"},
                                                  {Axis::query_heads, "--model-query-heads"},
                                                  {Axis::mamba_heads, "--model-mamba-heads"}};
  std::vector<std::string> words = run_words("pretrain", seed, name, steps);
  append(words, {"--dev-every", kDevEvery, "--mix-growth", "0"});  // as many tokens as elastify reads
  for (const ElasticValue& value : parse_size(size.name + ":" + size.text).values)
    append(words, {kFlags.at(value.axis), std::to_string(value.numbers.front())});
  return {of(seed, name), std::move(words), "model.safetensors", true};
}

std::vector<std::vector<NamedSize>> StudyJobs::best_chains_of(const std::string& cells, size_t count) const {
  std::vector<CostedCell> costed;
  std::map<Cell, MeasuredCell> measured;
  for (const MeasuredCell& cell : read_cells(path(cells) + "/cells.jsonl")) {
    costed.push_back({cell.cell, cell.cost});
    measured[cell.cell] = cell;
  }
  const auto closeness = [&](size_t, const Cell& cell) { return -measured.at(cell).kl; };
  std::vector<std::vector<NamedSize>> chains;
  for (const Chain& chain : best_chains(costed, kBudgets, closeness, count)) {
    chains.emplace_back();
    for (size_t b = 0; b < chain.cells.size(); ++b)
      chains.back().push_back({kSizeNames[b], measured.at(chain.cells[b]).size});
  }
  return chains;
}

std::vector<NamedSize> StudyJobs::sizes_in(const std::string& job) const {
  std::vector<NamedSize> sizes;
  const FamilySpec family = read_family(path(job));
  for (const Size& size : family.sizes.largest_first())
    if (size.widths != full_widths(family.spec)) sizes.push_back({size.name, size_text(describe(family.spec, size))});
  return sizes;
}

}  // namespace starnest::train
