#include "train/jobs/cells.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "arch/family_spec.h"
#include "base/output.h"
#include "base/range.h"
#include "base/text.h"
#include "format/json/jsonl.h"
#include "format/weights/fingerprint.h"
#include "starnest/error.h"
#include "train/modules/weights_io.h"
#include "train/run/input_content.h"
#include "train/run/measure.h"
#include "train/run/size_text.h"
#include "train/run/training_bar.h"

namespace starnest::train {
namespace {

double mean_kl(const Measured& measured) {
  double sum = 0;
  for (const MeasuredSet& set : measured.sets) sum += set.accuracy.kl;
  return sum / double(measured.sets.size());
}

std::vector<double> numbers(const Cell& cell) { return {cell.begin(), cell.end()}; }

}  // namespace

void measure_cells(const CellSettings& settings, const Progress& progress) {
  use_threads(settings.threads);
  require_at_least("--problems", settings.problems, 1);
  const FamilySpec family = read_family(settings.model);
  const Choices choices = make_choices(
      {.axes = settings.choices, .per_block = {}, .dropped = settings.drop, .drop_order = settings.drop_order},
      family.spec);
  const double full = exact_cost(family.spec, full_widths(family.spec), CostKind::active_parameters);
  std::vector<CostedCell> cells = all_cells(choices, [&](const Cell& cell) {
    return exact_cost(family.spec, widths_of(choices, family.spec, cell), CostKind::active_parameters) / full;
  });
  std::erase_if(cells, [&](const CostedCell& c) { return c.cost < settings.least || c.cost > settings.most; });
  if (cells.empty())
    throw Error({.where = "--least and --most",
                 .what = "leave no combination of the choices",
                 .expected = "parts of the full model's active parameters that some combination costs",
                 .got = format_number("%g", settings.least) + format_number(" to %g", settings.most)});

  const OutputPlace place = output_place(settings.out);
  const std::string partial = place.path.string() + ".partial";
  std::vector<NamedPath> outputs, inputs;
  for (const std::string& file : {settings.out, partial}) outputs.push_back({"--out", file});
  for (const std::filesystem::path& file : model_files(family.folder)) inputs.push_back({"--model", file});
  check_outputs(outputs, inputs);
  if (place.kind != OutputPlace::Kind::file)
    throw Error(
        {.where = settings.out, .what = "is no file", .hint = "Name a file: with one, a job that was stopped goes on"});
  JsonlWriter out(partial, JsonlWriter::Mode::append);  // drops a line that was not finished
  const Weights weights = read_weights(settings.model, family.spec);
  DevData dev;
  dev.sets = dev_sets(settings.families, tasks::Split::development, size_t(settings.problems), 1);
  for (DevSet& set : dev.sets) set_goals(set, weights);
  const std::vector<MeasuredCell> before = read_cells(partial);
  const std::string source = model_content(settings.model) + ": " + join(settings.families, " ") + ", " +
                             std::to_string(settings.problems) + " problems";
  const size_t done = before.size();
  for (size_t i = 0; i < done; ++i)
    if (i >= cells.size() || before[i].cell != cells[i].cell || before[i].source != source)
      throw Error(
          {.where = partial,
           .what = "was begun with other choices, another model, or other problems",
           .hint = "Remove it, or take the same --model, --families, --problems, --choice, --least and --most"});
  TrainingBar bar("cells", int64_t(done), int64_t(cells.size()), {});
  for (size_t i = done; i < cells.size(); ++i) {
    const Widths widths = widths_of(choices, family.spec, cells[i].cell);
    const Measured measured = measure(weights, SizeContext::narrow(widths), dev);
    out.write(JsonLine()
                  .set("cell", std::span<const double>(numbers(cells[i].cell)))
                  .set("size", size_text(describe(family.spec, {.name = "cell", .widths = widths})))
                  .set("source", source)
                  .set("cost", cells[i].cost)
                  .set("kl", mean_kl(measured))
                  .set("long", mean_of(measured, "long").whole));
    bar.update(int64_t(i) + 1, 0, format_number("KL %.4f", mean_kl(measured)));
    if (progress) progress(i + 1, cells.size());
  }
  std::filesystem::rename(partial, place.path);
}

std::vector<MeasuredCell> read_cells(const std::string& file) {
  std::vector<MeasuredCell> cells;
  for (const JsonRecord& line : read_jsonl(file)) {
    const std::vector<double> choice = line.numbers("cell");
    cells.push_back({{choice.begin(), choice.end()},
                     line.text("size"),
                     line.find_text("source").value_or(""),
                     line.number("cost"),
                     line.number("kl"),
                     line.number("long")});
  }
  return cells;
}

}  // namespace starnest::train
