#include "cli/eval_likelihood.h"

#include <optional>

#include "arch/family_spec.h"
#include "base/text.h"
#include "format/text/tokenizer.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr const char* kUsualStart = "<|endoftext|>";

// The start that config.json names, for a vocabulary without the usual one.
Start start_of_config(const FamilySpec& spec, const Tokenizer& tokenizer) {
  const std::optional<int> id = spec.config.find_int({"bos_token_id"});
  if (!id) return {};
  if (*id < 0 || *id >= spec.spec.vocab)
    throw Error({.where = spec.config.where() + ": key 'bos_token_id'",
                 .what = "is outside the vocabulary",
                 .expected = "0 to " + std::to_string(spec.spec.vocab - 1),
                 .got = std::to_string(*id),
                 .hint = "--start names another token; --start '' reads without one"});
  const std::string text = tokenizer.token_text(*id);
  return {text.empty() ? "token " + std::to_string(*id) : text, *id};
}

}  // namespace

Start start_of(const Family& family, const EvalOptions& options) {
  const Tokenizer& tokenizer = family.tokenizer();
  const std::string text = options.start.value_or(kUsualStart);
  if (const std::optional<TokenId> id = tokenizer.id_of(text)) return {text, *id};
  if (!options.start) return start_of_config(family.spec(), tokenizer);
  if (text.empty()) return {};
  throw Error({.where = "--start",
               .what = "the vocabulary has no such token",
               .got = in_quotes(text),
               .hint = "Name the token that documents begin after, or give --start '' for none"});
}

std::vector<std::string> sizes_to_score(const Family& family, const EvalOptions& options) {
  std::vector<std::string> names = options.plan.sizes();
  for (const std::string& name : names)
    if (name != names.front())
      throw Error({.where = "--think-size and --answer-size",
                   .what = "name two sizes, and a likelihood is that of one",
                   .hint = "Name one with --size, or none for all"});
  if (!names.empty()) return {names.front()};
  for (const SizeInfo& size : family.sizes()) names.push_back(size.name);
  return names;
}

void check_records(const EvalOptions& options, const std::vector<std::string>& sizes) {
  if (!options.records.empty() && sizes.size() > 1)
    throw Error({.where = "--records", .what = "holds the answers of one size", .hint = "Name one with --size"});
}

std::string tally_text(Tally tally, const std::string& what) {
  return grouped(tally.successes) + " of " + grouped(tally.trials) + " " + what +
         format_number(", %.1f %% (", 100 * double(tally.successes) / double(tally.trials)) + interval_text(tally) +
         ")";
}

RecordFile record_file(const EvalOptions& options, const std::string& size, const Start& start, JsonLine about) {
  about.set("model", options.model.model).set("elastic", options.model.elastic);
  if (!options.records.empty()) set_fingerprint(about, options.model);
  about.set("size", size).set("start", start.text);
  return RecordFile(options.records, about, options.resume);
}

Tally earlier_tally(const RecordFile& records, size_t questions, const std::function<std::string(size_t)>& question) {
  Tally tally;
  for (const JsonRecord& record : records.earlier()) {
    if (tally.trials >= questions || record.text("question") != question(tally.trials))
      throw Error({.where = record.where(),
                   .what = "answers another question than the one here",
                   .got = in_quotes(record.text("question")),
                   .hint = "Name another file, or leave --resume out to begin anew"});
    tally.trials += 1, tally.successes += record.flag("right") ? 1 : 0;
  }
  return tally;
}

}  // namespace starnest::cli
