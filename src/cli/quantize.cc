#include "convert/quantize.h"

#include <cstdio>
#include <map>
#include <memory>

#include "arch/presets.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/conversion.h"
#include "cli/quantize_report.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

const std::map<std::string, Encoding> kFormats{{"nvfp4", Encoding::nvfp4}, {"fp8", Encoding::fp8}};
const std::map<std::string, ScaleRule> kRules{
    {"max", ScaleRule::max}, {"mse", ScaleRule::mse}, {"4o6", ScaleRule::four_over_six}};

struct Options {
  ModelOptions model;
  std::string to, preset, out;
  std::string scales = "mse";
  bool force = false, json = false;
};

const QuantizationPreset& preset_of(const Options& options) {
  const Encoding format = kFormats.at(options.to);
  if (options.preset.empty()) return default_preset(format);
  const QuantizationPreset& preset = quantization_preset(options.preset);
  if (preset.format == format) return preset;
  throw Error({.where = "--preset " + options.preset,
               .what = "is a preset of " + std::string(name_of(preset.format)),
               .expected = "a preset of " + std::string(name_of(format)),
               .hint = "Leave --preset away, or change --to"});
}

void run(const Options& options) {
  const FamilySpec family = open_family(options.model);
  const QuantizationPreset& preset = preset_of(options);
  Conversion conversion("quantize " + std::string(preset.name));
  QuantizeOptions how{.scales = kRules.at(options.scales),
                      .version = STARNEST_VERSION,
                      .overwrite = options.force ? Overwrite::replace : Overwrite::refuse};
  if (!options.model.elastic.empty()) {
    how.elastic = write_elastic(elastic_file_or_preset(options.model.elastic));
    how.inputs.emplace_back(options.model.elastic);
  }
  how.progress = conversion.progress();
  how.note = conversion.note();
  const QuantizeResult result = quantize(family, preset, options.out, how);
  conversion.end();
  const QuantizeFacts facts{&result, preset.name, options.scales, options.out};
  if (options.json)
    std::fputs(quantize_json(facts).c_str(), stdout);
  else
    print(stdout, "%s", quantize_text(facts).c_str());
}

}  // namespace

void add_quantize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("quantize", "Write a family as FP8 or NVFP4, all sizes at once");
  add_model_options(command, options->model);
  command.add_option("--to", options->to, "Format of the weights: nvfp4 or fp8")
      ->required()
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"nvfp4", "fp8"}));
  command.add_option("-o,--output", options->out, "Folder to write; it appears when everything is done")
      ->required()
      ->type_name("OUT");
  command.add_option("--preset", options->preset, "Which parts become what (below)")->type_name("NAME");
  command.add_option("--scales", options->scales, "How the scale of 16 neighbours in NVFP4 is chosen: mse, max or 4o6")
      ->capture_default_str()
      ->check(CLI::IsMember({"mse", "max", "4o6"}))
      ->type_name("RULE");
  command.add_flag("-f,--force,--overwrite", options->force, "Replace OUT when it is not empty");
  command.add_flag("--json", options->json, "Print JSON with a line of numbers per tensor");
  command.footer(
      "Presets for nvfp4: nano (the default, as NVIDIA's Nemotron 3 Nano: all but attention, the Mamba blocks before\n"
      "it and the head), lightning (experts and head; Mamba as FP8), all-4bit (every matrix and the head). For fp8:\n"
      "fp8 (the matrices of nano). Embeddings, norms, convolutions and gates always keep their bytes.\n"
      "Rules: mse searches the least squared error, max makes the largest a 6, 4o6 a 6 or a 4 (four over six).\n"
      "The files are those of NVIDIA's Model Optimizer. Weights alone are quantised: scales of activations are not\n"
      "calibrated, so the folder says W4A16_NVFP4, or FP8 without scales of inputs. Sizes are cut out of it by\n"
      "'starnest slice' and equal the size quantised with the scales of the family.\n"
      "Examples:\n"
      "  starnest quantize -m models/reasoner --to nvfp4 -o reasoner-nvfp4\n"
      "  starnest quantize -m models/nano --to fp8 -o nano-fp8\n"
      "  starnest quantize -m models/nano --to nvfp4 --preset lightning --scales 4o6 -o nano-lightning --json");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
