#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/inspect_facts.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

struct InspectOptions {
  ModelOptions model;
  bool json = false;
};

void run(const InspectOptions& options) {
  const FamilySpec family = open_family(options.model);
  const ModelFacts facts = facts_of(family);
  if (facts.stored) print_notices(facts.stored->notices);
  if (options.json)
    std::fputs(inspect_json(facts).c_str(), stdout);
  else
    print(stdout, "%s", inspect_text(facts).c_str());
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App& command = *app.add_subcommand("inspect", "Show a model, its nested sizes and what they cost");
  add_model_options(command, options->model);
  command.add_flag("--json", options->json, "Print JSON with stable keys");
  command.footer(
      "Needs only config.json and, for a family, elastic.json; weights that are there must fit them. Bytes are those "
      "of\n"
      "the tensors in a checkpoint of the format; FP8 and NVFP4 keep embeddings, head, attention, convolutions and "
      "the\n"
      "Mamba blocks before attention in BF16.\n"
      "Examples:\n"
      "  starnest inspect -m models/pocket\n"
      "  starnest inspect -m models/nano --json | jq '.sizes[].parameters'");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
