#include <cstdint>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/format/model_location.h"
#include "core/format/tokenizer.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string model;
  bool decode = false;
  bool no_special = false;
  bool jsonl = false;
};

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

json parse(const std::string& text, const std::string& where) {
  try {
    return json::parse(text);
  } catch (const json::exception&) {
    throw Error(where, "is not JSON");
  }
}

std::vector<TokenId> ids_of(const json& list, const std::string& where) {
  if (!list.is_array())
    throw Error({.where = where, .what = "is not a list of ids", .expected = "[1, 2, 3]", .got = list.type_name()});
  std::vector<TokenId> ids;
  for (const json& id : list) {
    const bool good = id.is_number_integer() && id >= 0 && id <= std::numeric_limits<TokenId>::max();
    if (!good)
      throw Error({.where = where, .what = "is not a token id", .expected = "a whole number from 0", .got = id.dump()});
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

std::vector<TokenId> encode(const Tokenizer& tokenizer, const Options& options, const std::string& text) {
  return tokenizer.encode(text, {.add_special_tokens = !options.no_special, .parse_special_tokens = true});
}

std::string decode(const Tokenizer& tokenizer, const Options& options, const json& list, const std::string& where) {
  return tokenizer.decode(ids_of(list, where), /*skip_special=*/options.no_special);
}

// One JSON value per line in, one per line out.
void run_lines(const Tokenizer& tokenizer, const Options& options) {
  size_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string where = "standard input, line " + std::to_string(++number);
    const json value = parse(line, where);
    if (options.decode) {
      std::cout << json(decode(tokenizer, options, value, where)).dump() << '\n';
      continue;
    }
    if (!value.is_string())
      throw Error({.where = where, .what = "is not a JSON string", .expected = "\"text\"", .got = value.type_name()});
    std::cout << json(encode(tokenizer, options, value.get<std::string>())).dump() << '\n';
  }
}

void run(const Options& options) {
  std::filesystem::path path = std::filesystem::is_regular_file(options.model) ? std::filesystem::path(options.model)
                                                                               : find_model(options.model);
  if (std::filesystem::is_directory(path)) path /= "tokenizer.json";
  const Tokenizer tokenizer(path);
  if (options.jsonl) {
    run_lines(tokenizer, options);
  } else if (options.decode) {
    std::cout << decode(tokenizer, options, parse(read_all(std::cin), "standard input"), "standard input");
  } else {
    std::cout << json(encode(tokenizer, options, read_all(std::cin))).dump() << '\n';
  }
  std::cout.flush();
  if (!std::cout) throw Error("standard output", "cannot be written");
}

}  // namespace

void add_tokenize(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("tokenize", "Turn text on standard input into token ids, or ids into text");
  command.add_option("-m,--model", options->model, "Model folder, or a tokenizer.json")
      ->required()
      ->type_name("DIR|FILE");
  command.add_flag("-d,--decode", options->decode, "Read a JSON list of ids, write text");
  command.add_flag("--no-special", options->no_special, "Add no special tokens; with --decode, leave them out");
  command.add_flag("--jsonl", options->jsonl,
                   "One JSON string per line in, one JSON list per line out (or the reverse)");
  command.footer(
      "Examples:\n"
      "  printf 'Hello world' | starnest tokenize -m models/pocket\n"
      "  echo '[12, 1010]' | starnest tokenize -m models/nano --decode\n"
      "  starnest tokenize -m tokenizer.json --jsonl < texts.jsonl > ids.jsonl");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
