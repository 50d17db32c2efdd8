#include <cstdint>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/lines.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/commands.h"
#include "format/json/json.h"
#include "format/text/documents.h"
#include "format/text/token_shards.h"
#include "format/text/tokenizer.h"
#include "format/weights/model_location.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

using nlohmann::json;

struct TokenizeOptions {
  std::string model;
  bool decode = false;
  bool no_special = false;
  bool jsonl = false;
  std::vector<std::string> corpus;
  std::string out;
  std::string end = "<|endoftext|>";
  uint64_t most_bad = 0;
};

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

json parse(const std::string& text, const std::string& where) {
  try {
    return json::parse(with_whole_surrogates(text));
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

std::vector<TokenId> encode(const Tokenizer& tokenizer, const TokenizeOptions& options, const std::string& text) {
  return tokenizer.encode(text, {.add_special_tokens = !options.no_special, .parse_special_tokens = true});
}

std::string decode(const Tokenizer& tokenizer, const TokenizeOptions& options, const json& list,
                   const std::string& where) {
  return tokenizer.decode(ids_of(list, where), /*skip_special=*/options.no_special);
}

// One JSON value per line in, one per line out; empty lines are passed over.
void run_lines(const Tokenizer& tokenizer, const TokenizeOptions& options) {
  LineReader lines = LineReader::standard_input();
  while (const auto line = std::cout ? lines.next() : std::nullopt) {  // who prints into a full disk stops
    if (line->find_first_not_of(" \t") == std::string::npos) continue;
    const std::string where = "standard input, line " + std::to_string(lines.number());
    const json value = parse(*line, where);
    if (options.decode) {
      std::cout << json(decode(tokenizer, options, value, where)).dump() << '\n';
      continue;
    }
    if (!value.is_string())
      throw Error({.where = where, .what = "is not a JSON string", .expected = "\"text\"", .got = value.type_name()});
    std::cout << json(encode(tokenizer, options, value.get<std::string>())).dump() << '\n';
  }
}

TokenId end_token(const Tokenizer& tokenizer, const std::string& text) {
  const std::optional<TokenId> id = tokenizer.id_of(text);
  if (!id)
    throw Error({.where = "--end",
                 .what = "the vocabulary has no such token",
                 .got = in_quotes(text),
                 .hint = "Name the token that ends a document, or give --end '' for none"});
  return *id;
}

std::vector<NamedPath> shard_files(const std::string& flag, const std::string& prefix) {
  std::vector<NamedPath> files;
  for (const char* ending : {".bin", ".idx", ".lock"}) files.push_back({flag, prefix + ending});
  return files;
}

// A corpus as token shards, for training.
void write_shards(const Tokenizer& tokenizer, const std::filesystem::path& tokenizer_file,
                  const TokenizeOptions& options) {
  std::vector<NamedPath> inputs{{"-m", tokenizer_file}};
  for (const std::string& file : options.corpus) inputs.push_back({"tokenize", file});
  if (options.out.empty())
    throw Error({.where = "--out", .what = "is missing", .hint = "Give the PREFIX of the .bin and .idx to write"});
  check_outputs(shard_files("--out", options.out), inputs);
  DocumentSettings settings{.most_bad = options.most_bad};
  if (!options.end.empty()) settings.end = end_token(tokenizer, options.end);
  TokenShardWriter writer(options.out, tokenizer.size());
  DocumentCounts sum;
  for (const std::string& file : options.corpus) {
    settings.most_bad = options.most_bad - sum.bad;
    const DocumentCounts counts = read_documents(
        file, tokenizer, settings, [](const std::string& note) { print(stderr, "%s\n", note.c_str()); },
        [&](const TokenDocument& document) { writer.add(document.ids); });
    sum += counts;
  }
  writer.commit();
  print(stderr, "%s.bin and .idx: %s documents, %s tokens; left out %s bad and %s empty ones\n", options.out.c_str(),
        grouped(sum.documents).c_str(), grouped(sum.tokens).c_str(), grouped(sum.bad).c_str(),
        grouped(sum.empty).c_str());
}

// Shards take neither --decode nor --jsonl, and text from standard input no --out.
void refuse_mixed(const TokenizeOptions& options) {
  if (!options.corpus.empty() && (options.decode || options.jsonl))
    throw Error(options.decode ? "--decode" : "--jsonl", "does not go with files, which become shards");
  if (options.corpus.empty() && !options.out.empty())
    throw Error("--out", "needs the files that become shards; ids of standard input go to standard output");
}

void run(const TokenizeOptions& options) {
  std::filesystem::path path = std::filesystem::is_regular_file(options.model) ? std::filesystem::path(options.model)
                                                                               : find_model(options.model);
  if (std::filesystem::is_directory(path)) path /= "tokenizer.json";
  const Tokenizer tokenizer(path);
  refuse_mixed(options);
  if (!options.corpus.empty()) return write_shards(tokenizer, path, options);
  if (options.jsonl) {
    run_lines(tokenizer, options);
  } else if (options.decode) {
    std::cout << decode(tokenizer, options, parse(read_all(std::cin), "standard input"), "standard input");
  } else {
    std::cout << json(encode(tokenizer, options, read_all(std::cin))).dump() << '\n';
  }
}

}  // namespace

void add_tokenize(CLI::App& app) {
  const auto options = std::make_shared<TokenizeOptions>();
  CLI::App& command =
      *app.add_subcommand("tokenize", "Turn text into token ids, ids into text, or a corpus into shards");
  command.add_option("-m,--model", options->model, "Model folder, or a tokenizer.json")
      ->required()
      ->type_name("DIR|FILE");
  command.add_flag("-d,--decode", options->decode, "Read a JSON list of ids, write text");
  command.add_flag("--no-special", options->no_special, "Add no special tokens; with --decode, leave them out");
  command.add_flag("--jsonl", options->jsonl,
                   "One JSON string per line in, one JSON list per line out (or the reverse)");
  command.add_option(
      "corpus", options->corpus,
      "Text files (*.json, *.jsonl, *.ndjson with text, or prompt and completion; others plain) to write "
      "as shards");
  command.add_option("-o,--out", options->out, "Shards to write: PREFIX.bin and PREFIX.idx, as Megatron-LM reads them")
      ->type_name("PREFIX");
  command.add_option("--end", options->end, "Token that ends each document; '' = none")->capture_default_str();
  command.add_option("--most-bad", options->most_bad, "Bad documents to leave out before giving up")
      ->capture_default_str();
  command.footer(
      "Examples:\n"
      "  printf 'Once upon a time' | starnest tokenize -m models/storyteller\n"
      "  echo '[12, 1010]' | starnest tokenize -m models/storyteller --decode\n"
      "  starnest tokenize -m tokenizer.json --jsonl < texts.jsonl > ids.jsonl\n"
      "  starnest tokenize -m tokenizer.json stories.txt more.jsonl --out stories\n"
      "  starnest-train pretrain --out runs/stories --data-tokenizer tokenizer.json --data-files stories --data-dev "
      "dev.txt");
  command.callback([options] { run(*options); });
}

}  // namespace starnest::cli
