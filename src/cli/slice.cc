#include "convert/slice.h"

#include <cstdio>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/conversion.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

struct SliceOptions {
  ModelOptions model;
  std::string size;
  std::string out;
  bool force = false;
  bool allow_lists = false;
};

void run(const SliceOptions& options) {
  const FamilySpec family = open_family(options.model);
  const Size& size = family.size(options.size);
  std::vector<std::filesystem::path> inputs;
  if (!options.model.elastic.empty()) inputs.emplace_back(options.model.elastic);
  Conversion conversion("slice " + size.name);
  const SliceResult result = slice(family, size, options.out,
                                   {.per_block = options.allow_lists ? PerBlockWidths::allow : PerBlockWidths::refuse,
                                    .overwrite = options.force ? Overwrite::replace : Overwrite::refuse,
                                    .inputs = inputs,
                                    .progress = conversion.progress(),
                                    .note = conversion.note()});
  conversion.end();
  print(stdout, "%s: size '%s', %s tensors, %s (%s bytes) in %s file%s, checksums in %s/SHA256SUMS\n",
        options.out.c_str(), size.name.c_str(), grouped(result.tensors).c_str(), bytes_text(result.bytes).c_str(),
        grouped(result.bytes).c_str(), grouped(result.shards).c_str(), result.shards == 1 ? "" : "s",
        options.out.c_str());
}

}  // namespace

void add_slice(CLI::App& app) {
  const auto options = std::make_shared<SliceOptions>();
  CLI::App& command = *app.add_subcommand("slice", "Write one size of a family as an ordinary model folder");
  add_model_options(command, options->model);
  command.add_option("--size", options->size, "Size to cut out, e.g. 12b")->required()->type_name("NAME");
  command.add_option("-o,--output", options->out, "Folder to write; it appears when everything is done")
      ->required()
      ->type_name("OUT");
  command.add_flag("-f,--force", options->force, "Replace OUT when it is not empty");
  command.add_flag("--allow-lists", options->allow_lists,
                   "Write a size whose widths differ from block to block; only starnest loads it");
  command.footer(
      "The folder is an ordinary Hugging Face model: any program that knows the architecture loads it.\n"
      "Tensors keep their names, types and files; check the copy with 'sha256sum -c SHA256SUMS'.\n"
      "Examples:\n"
      "  starnest slice -m models/nano --size 12b -o nano-12b\n"
      "  starnest slice -m models/nano --elastic sizes.json --size 23b -o nano-23b --force");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
