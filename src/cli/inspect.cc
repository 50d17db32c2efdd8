#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_count.h"
#include "base/range.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/inspect_facts.h"
#include "cli/inspect_fit.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

struct InspectOptions {
  ModelOptions model;
  std::optional<std::string> memory;
  int context = 0;
  int sequences = 1;
  bool json = false;
};

FitQuestion question_of(const InspectOptions& options) {
  require_at_least("--context", options.context, 0);
  require_range("--sequences", options.sequences, 1, 1 << 20);
  return {parse_byte_count("--memory", *options.memory), uint64_t(options.context), uint64_t(options.sequences)};
}

void run(const InspectOptions& options) {
  std::optional<FitQuestion> asked;
  if (options.memory) asked = question_of(options);
  const FamilySpec family = open_family(options.model);
  const ModelFacts facts = facts_of(family);
  if (facts.stored) print_notices(facts.stored->notices);
  std::optional<FitFacts> fit;
  if (asked) fit = fit_of(facts, *asked);
  const FitFacts* const shown = fit ? &*fit : nullptr;
  if (options.json)
    std::fputs(inspect_json(facts, shown).c_str(), stdout);
  else
    print(stdout, "%s", inspect_text(facts, shown).c_str());
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App& command = *app.add_subcommand("inspect", "Show a model, its nested sizes and what they cost");
  add_model_options(command, options->model);
  command.add_flag("--json", options->json, "Print JSON with stable keys");
  CLI::Option* const memory =
      command
          .add_option("--memory", options->memory,
                      "also: which size fits into this much memory, in which format, and with how long a context")
          ->type_name("16GiB");
  command.add_option("--context", options->context, "with --memory: tokens of each sequence; 0 = as many as fit")
      ->capture_default_str()
      ->needs(memory);
  command.add_option("--sequences", options->sequences, "with --memory: how many are run at once")
      ->capture_default_str()
      ->needs(memory);
  command.footer(
      "Needs only config.json and, for a family, elastic.json; weights that are there must fit them. Bytes are those "
      "of\n"
      "the tensors in a checkpoint of the format; FP8 and NVFP4 keep embeddings, head, attention, convolutions and "
      "the\n"
      "Mamba blocks before attention in BF16. What fits is weights, the states of the sequences (F32), and their keys "
      "and\n"
      "values (BF16; F32 beside weights stored as F32); activations come on top.\n"
      "Examples:\n"
      "  starnest inspect -m models/pocket\n"
      "  starnest inspect -m models/nano --memory 16GiB --context 8192 --sequences 4\n"
      "  starnest inspect -m models/nano --json | jq '.sizes[].parameters'");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
