#include "cli/common.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "format/weights/fingerprint.h"
#include "format/weights/model_location.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest::cli {

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option(
          "-m,--model", options.model,
          "Model folder (config.json, weights, tokenizer.json), or ORG/NAME[@REVISION] in the local Hugging Face "
          "cache")
      ->required()
      ->type_name("DIR");
  command
      .add_option("--elastic", options.elastic,
                  "Take the sizes from this file, or this preset, instead of the folder's elastic.json")
      ->type_name("FILE");
}

void add_device_option(CLI::App& command, ModelOptions& options) {
  command.add_option("--device", options.device, "What computes: cpu, or ref (plain loops, to check against; slow)")
      ->capture_default_str();
}

FamilySpec open_family(const ModelOptions& options) {
  FamilySpec family = read_family(options.model, options.elastic);
  print_notices(family.notices);
  return family;
}

Family open_model(const ModelOptions& model, OpenOptions options) {
  options.elastic = model.elastic;
  options.device = model.device;
  Family family = Family::open(model.model, options);
  print_notices(family.notices());
  return family;
}

void print_notices(const std::vector<std::string>& notices) {
  for (const std::string& notice : notices) print(stderr, "starnest: note: %s\n", notice.c_str());
}

std::vector<NamedPath> model_inputs(const std::string& flag, const std::string& model) {
  std::vector<NamedPath> inputs;
  for (const std::filesystem::path& file : model_files(find_model(model))) inputs.push_back({flag, file});
  return inputs;
}

std::vector<NamedPath> inputs_of(const ModelOptions& options) {
  std::vector<NamedPath> inputs = model_inputs("-m", options.model);
  inputs.push_back({"--elastic", options.elastic});
  return inputs;
}

void set_fingerprint(JsonLine& line, const ModelOptions& options) {
  const ModelFingerprint model = model_fingerprint(find_model(options.model), options.elastic);
  line.set("config", model.config).set("sizes_file", model.sizes).set("text_files", model.text);
  line.set("weights", model.weights);
}

void add_sizes_option(CLI::App& command, std::vector<std::string>& sizes, const std::string& what,
                      const std::string& by_default) {
  command
      .add_option("--sizes", sizes,
                  what +
                      ", e.g. 30b,12b, with all that lie inside; auto = up to the largest that fits into free memory; "
                      "default: " +
                      by_default)
      ->type_name("NAME,...")
      ->delimiter(',');
}

CLI::Option* add_ids_option(CLI::App& command, std::vector<TokenId>& ids, const std::string& help) {
  const auto parse = [&ids](const std::string& text) {
    ids.clear();
    for (const char *at = text.data(), *end = at + text.size();; ++at) {
      TokenId id = 0;
      const auto [next, problem] = std::from_chars(at, end, id);
      if (problem != std::errc() || (next != end && *next != ','))
        throw CLI::ValidationError("--ids", "not a list of token ids such as 1,2,3: " + in_quotes(text));
      ids.push_back(id);
      if (next == end) return;
      at = next;
    }
  };
  return command.add_option_function<std::string>("--ids", parse, help)->type_name("ID,ID,...");
}

std::string table_text(std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = visible(cell);
  std::vector<size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string padding(width[c] - row[c].size(), ' ');
      line += c == 0 ? row[c] + padding : "  " + padding + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace starnest::cli
