#include <cstdio>
#include <map>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/conversion.h"
#include "convert/export_gguf.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

const std::map<std::string, GgufFormat> kGgufFormats{{"as-stored", GgufFormat::as_stored},
                                                     {"bf16", GgufFormat::bf16},
                                                     {"f16", GgufFormat::f16},
                                                     {"q8_0", GgufFormat::q8_0}};

struct ExportCommand {
  ModelOptions model;
  std::string size, out;
  std::string type = "as-stored";
  bool gguf = false, overwrite = false;
};

// "BF16 1.20 MiB, F32 3.00 KiB"
std::string types_text(const ExportResult& result) {
  std::vector<std::string> types;
  for (const auto& [type, bytes] : result.bytes_of)
    types.push_back(std::string(name_of(type)) + " " + bytes_text(bytes));
  return join(types, ", ");
}

void run(const ExportCommand& options) {
  check_outputs(std::vector<NamedPath>{{"--output", options.out}}, inputs_of(options.model));
  const FamilySpec family = open_family(options.model);
  const Size& size = options.size.empty() ? family.largest() : family.size(options.size);
  Conversion conversion("export " + size.name);
  ExportOptions how{.format = kGgufFormats.at(options.type),
                    .overwrite = options.overwrite ? Overwrite::replace : Overwrite::refuse};
  how.progress = conversion.progress();
  how.note = conversion.note();
  const ExportResult result = export_gguf(family, size, options.out, how);
  conversion.end();
  print(stdout, "%s: size '%s', %s tensors, %s (%s)\n", options.out.c_str(), size.name.c_str(),
        grouped(result.tensors).c_str(), bytes_text(result.bytes).c_str(), types_text(result).c_str());
}

}  // namespace

void add_export(CLI::App& app) {
  const auto options = std::make_shared<ExportCommand>();
  CLI::App& command = *app.add_subcommand("export", "Write one size of a family as a file for other programs");
  add_model_options(command, options->model);
  command.add_option("--size", options->size, "Size to write, e.g. 12b; default: the largest")->type_name("NAME");
  command.add_flag("--gguf", options->gguf, "As GGUF, for llama.cpp")->required();
  command.add_option("-o,--output", options->out, "File to write; it appears when everything is done")
      ->required()
      ->type_name("FILE");
  command.add_option("--type", options->type, "Type of the matrices: as-stored, bf16, f16 or q8_0")
      ->capture_default_str()
      ->check(CLI::IsMember({"as-stored", "bf16", "f16", "q8_0"}))
      ->type_name("TYPE");
  command.add_flag("-f,--force,--overwrite", options->overwrite, "Replace FILE when it is there");
  command.footer(
      "Names, shapes and keys are those of llama.cpp's converter; norms, gates, convolutions and vectors are F32.\n"
      "NVFP4 keeps its codes and scales (--type as-stored) where rows are multiples of 64; FP8 has no type in GGUF.\n"
      "The tokenizer goes along when llama.cpp knows its way of cutting a text; else the file works with ids alone.\n"
      "Examples:\n"
      "  starnest export -m models/nano --size 12b --gguf -o nano-12b.gguf\n"
      "  starnest export -m models/nano --size 23b --gguf --type q8_0 -o nano-23b-q8.gguf");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
