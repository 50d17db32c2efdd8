#include "train/jobs/rank.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "arch/family_spec.h"
#include "arch/tensors.h"
#include "base/output.h"
#include "base/range.h"
#include "base/text.h"
#include "convert/output_folder.h"
#include "convert/small_files.h"
#include "format/weights/fingerprint.h"
#include "program/terminal.h"
#include "report/page.h"
#include "starnest/error.h"
#include "train/distill/losses.h"
#include "train/importance/importance.h"
#include "train/importance/layer_ranking.h"
#include "train/importance/rotation.h"
#include "train/modules/weights_io.h"
#include "train/run/measure.h"
#include "train/run/settings.h"
#include "train/run/training_bar.h"

namespace starnest::train {
namespace {

constexpr double kSortTolerance = 1e-5;

// How uneven the scores are: what the least important half of the units holds of the whole.
void print_scores(const ByAxis& scores) {
  print(stdout, "share of the score in the less important half of the units (50 %% = all alike):\n");
  for (const auto& [key, values] : scores) {
    const Tensor ascending = std::get<0>(values.sort(-1));
    const double share = (ascending.narrow(-1, 0, values.size(-1) / 2).sum() / values.sum()).item<double>();
    const std::string place = key.first < 0 ? "model" : "block " + std::to_string(key.first);
    print(stdout, "  %-9s %-36s %5.1f %%\n", place.c_str(), std::string(key_of(key.second)).c_str(), 100 * share);
  }
}

// A chart per axis: the scores of each block in falling order, as parts of its largest; experts' channels as a mean.
std::string scores_page(const ByAxis& scores) {
  std::map<Axis, Section> by_axis;
  for (const auto& [key, values] : scores) {
    const auto [block, axis] = key;
    Tensor falling = std::get<0>(values.sort(-1, /*descending=*/true));
    if (falling.dim() == 2) falling = falling.mean(0);
    falling = (falling / falling[0].clamp_min(1e-30)).to(torch::kDouble).contiguous();
    Series series{block < 0 ? "model" : "block " + std::to_string(block), {}};
    for (int64_t i = 0; i < falling.size(0); ++i) series.points.emplace_back(i + 1, falling[i].item<double>());
    const int64_t half = falling.size(0) / 2;
    Section& section = by_axis[axis];
    section.title = key_of(axis);
    section.chart.title = section.title, section.chart.x_label = "units, most important first";
    section.chart.y_label = "score, part of the largest";
    section.table.header = {"", "units", "score in the less important half"};
    section.table.rows.push_back(
        {series.name, std::to_string(falling.size(0)),
         format_number("%.1f %%", 100 * (falling.slice(0, half).sum() / falling.sum()).item<double>())});
    section.chart.series.push_back(std::move(series));
  }
  std::vector<Section> sections;
  for (auto& [axis, section] : by_axis) sections.push_back(std::move(section));
  return html_page("Importance of every unit", sections);
}

void check_same_function(const Weights& original, const Weights& moved, const BatchTensors& batch) {
  const Tensor expected = measured_logits(original, batch, SizeContext::full());
  const Tensor got = measured_logits(moved, batch, SizeContext::full());
  const double error = ((got - expected).abs().max() / expected.abs().max()).item<double>();
  print(stdout, "sorted against original: %.1e relative\n", error);
  if (error > kSortTolerance)
    throw Error({.where = "the sorted model",
                 .what = "does not compute what the original computes",
                 .expected = "an error of at most 1e-5",
                 .got = format_number("%.1e", error)});
}

std::vector<BlockDrop> ranked_layers(const RankSettings& settings, const Weights& weights, BatchSource& data, int rows,
                                     const Progress& progress) {
  const int64_t samples = std::min(settings.layer_samples, settings.samples);
  if (samples == 0 || weights.spec().blocks.size() < 2) return {};
  std::vector<BatchTensors> batches;
  int64_t tokens = 0;
  for (int64_t i = 0; i < (samples + rows - 1) / rows; ++i) {
    batches.push_back(data.at(uint64_t(i)));
    tokens += batches.back().tokens;
  }
  TrainingBar bar("rank blocks", 0, int64_t(weights.spec().blocks.size() * (weights.spec().blocks.size() + 1) / 2 - 1),
                  {});
  const std::vector<BlockDrop> drops = rank_layers(weights, batches, [&](int64_t done, int64_t total) {
    bar.update(done, tokens, std::to_string(samples) + " samples");
    if (progress) progress(uint64_t(done), uint64_t(total));
  });
  print(stdout, "blocks that can go, the least needed first (error of the logits without it and those before it):\n");
  for (const BlockDrop& drop : drops) print(stdout, "  block %-3d %9.2e\n", drop.block, drop.error);
  return drops;
}

// In place of importance: every unit's score is drawn.
ByAxis random_scores(const ByAxis& like, int64_t seed) {
  torch::Generator generator = at::detail::createCPUGenerator(uint64_t(seed));
  ByAxis scores;
  for (const auto& [key, values] : like) scores[key] = torch::rand(values.sizes(), generator, torch::kDouble);
  return scores;
}

Weights in_principal_axes(const Weights& weights, BatchSource& data, int64_t batches) {
  const Weights unit = with_unit_norms(weights);
  ResidualMoments moments(unit.spec().hidden);
  for (int64_t i = 0; i < batches; ++i) {
    const BatchTensors batch = data.at(uint64_t(i));
    moments.expect(batch.mask);
    hidden_states(unit, batch.input(), SizeContext::full(), &moments);
  }
  return rotated(unit, moments.axes());
}

}  // namespace

void rank(const RankJob& job, const Progress& progress) {
  print(stdout, "rank\n%s%s\n", settings_text(job.settings).c_str(), settings_text(job.data).c_str());
  std::fflush(stdout);
  use_threads(job.settings.threads);
  check(job.data);
  require_at_least("--samples", job.settings.samples, 1);
  require_at_least("--layer-samples", job.settings.layer_samples, 0);
  const bool random = job.settings.order == "random";
  if (!random && job.settings.order != "importance")
    throw Error({.where = "--order",
                 .what = "is unknown",
                 .expected = "importance or random",
                 .got = in_quotes(job.settings.order)});
  const torch::NoGradGuard no_gradients;
  const FamilySpec family = read_family(job.settings.model);
  std::vector<std::filesystem::path> sources = input_files(job.data, job.settings.model);
  sources.push_back(family.folder);
  for (const std::filesystem::path& file : model_files(family.folder)) sources.push_back(file);
  OutputFolder out(job.settings.out, sources, job.settings.force ? Overwrite::replace : Overwrite::refuse);
  const auto note = [](const std::string& text) { print(stdout, "note: %s\n", text.c_str()); };
  const Weights original = read_weights(job.settings.model, family.spec, note);

  const int rows = job.data.is_text() ? job.data.text.rows : job.data.batch.rows;
  const int64_t batches = (job.settings.samples + rows - 1) / rows;
  const auto data = training_batches(job.data, job.settings.model, family.spec.vocab, job.settings.seed, batches);
  const Weights weights = job.settings.rotate ? in_principal_axes(original, *data, batches) : original;
  Importance importance(family.spec);
  TrainingBar bar("rank", 0, batches, {});
  for (int64_t i = 0; i < batches; ++i) {
    const BatchTensors batch = data->at(uint64_t(i));
    importance.expect(batch.mask);
    hidden_states(weights, batch.input(), SizeContext::full(), &importance);
    bar.update(i + 1, batch.tokens, std::to_string(importance.samples()) + " samples");
    if (progress) progress(uint64_t(i + 1), uint64_t(batches));
  }

  const ByAxis scores = random ? random_scores(importance.scores(), job.settings.seed) : importance.scores();
  print_scores(scores);
  const std::vector<BlockDrop> drops = ranked_layers(job.settings, weights, *data, rows, progress);
  const Weights moved = sorted(weights, orders_of(family.spec, scores));
  check_same_function(original, moved, data->at(0));
  copy_small_files(job.settings.model, out.partial(), note);
  HfConfig config = family.config;
  announce_no_prediction_layers(config);
  write_text(out.partial() / "config.json", config.text());
  write_scores(out.partial() / "training" / "scores.json", scores, drops);
  write_text(out.partial() / "training" / "scores.html", scores_page(scores));
  write_weights(out.partial() / "model.safetensors", moved);
  out.commit();
}

}  // namespace starnest::train
