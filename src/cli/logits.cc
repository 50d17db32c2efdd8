#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "arch/family_spec.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "engine/engine.h"
#include "format/weights/safetensors_writer.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

struct LogitsOptions {
  ModelOptions model;
  std::string size{kFullSize};
  std::vector<TokenId> ids;
  std::string out;
  int chunk = 0;
  int threads = 0;
};

void run(const LogitsOptions& options) {
  if (options.chunk < 0)
    throw Error(
        {.where = "--chunk", .what = "is negative", .expected = "at least 0", .got = std::to_string(options.chunk)});
  const FamilySpec family = open_family(options.model);
  const std::string size = options.size == kFullSize ? family.largest().name : options.size;
  const NamedPath out{"-o", options.out};
  check_outputs({&out, 1}, inputs_of(options.model));
  SafetensorsWriter writer(options.out, {{"logits", DType::f32, {options.ids.size(), uint64_t(family.spec.vocab)}}},
                           {{"format", "pt"}});
  Engine engine(family, {.threads = options.threads, .sizes = {family.size(size).name}});
  print_notices(engine.notices());
  Sequence sequence = engine.start(engine.size_named(size));
  const size_t chunk = options.chunk ? size_t(options.chunk) : options.ids.size();
  for (size_t at = 0; at < options.ids.size(); at += chunk) {
    const auto tokens = std::span(options.ids).subspan(at, std::min(chunk, options.ids.size() - at));
    BatchItem item{&sequence, tokens, Want::all, {}};
    engine.step({&item, 1});
    for (size_t t = 0; t < tokens.size(); ++t)
      writer.append(std::as_bytes(std::span(item.logits.row(t), item.logits.cols)));
  }
  writer.commit();
}

}  // namespace

void add_logits(CLI::App& app) {
  const auto options = std::make_shared<LogitsOptions>();
  CLI::App* command = app.add_subcommand("logits", "Write the logits of a token sequence at one size");
  command->footer("Example:\n  starnest logits -m models/pocket --size small --ids 1,25,50,8 -o logits.safetensors");
  add_model_options(*command, options->model);
  command->add_option("--size", options->size, "size")->capture_default_str();
  add_ids_option(*command, options->ids, "token ids, e.g. 1,2,3")->required();
  command->add_option("-o,--output", options->out, "file to write: tensor 'logits', F32 [T, V]")->required();
  command->add_option("--chunk", options->chunk, "tokens read at a time; 0 = all at once")->capture_default_str();
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
