#include "eval/likelihood.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>

#include "core/base/text.h"
#include "core/format/documents.h"
#include "runtime/family_impl.h"

namespace starnest {
namespace {

double log_probability(std::span<const float> logits, TokenId token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return double(logits[size_t(token)] - largest) - std::log(sum);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
  return cells;
}

size_t column(const std::vector<std::string>& header, const char* name, const std::string& where) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end())
    throw Error({.where = where,
                 .what = "has no column " + in_quotes(name),
                 .expected = "a first line with the names of the columns, separated by tabs",
                 .got = join(header, ", ")});
  return size_t(found - header.begin());
}

void prepend(std::vector<TokenId>& ids, TokenId start) {
  if (start >= 0) ids.insert(ids.begin(), start);
}

}  // namespace

std::vector<double> log_likelihoods(const Family& family, const std::string& size,
                                    std::span<const std::vector<TokenId>> sequences, int parallel,
                                    const Progress& progress) {
  Engine& engine = family.impl().engine;
  const size_t index = engine.index_of(size);
  std::vector<double> sums;
  for (size_t first = 0; first < sequences.size(); first += size_t(parallel)) {
    const auto part = sequences.subspan(first, std::min(size_t(parallel), sequences.size() - first));
    std::vector<Sequence> states;
    std::vector<BatchItem> items;
    states.reserve(part.size());
    for (const auto& ids : part) {
      states.push_back(engine.start(index));
      if (!ids.empty()) items.push_back({&states.back(), ids, Want::all, {}});
    }
    engine.step(items);
    size_t item = 0;
    for (const auto& ids : part) {
      double sum = 0;
      if (!ids.empty()) {
        const MatView<const float> logits = items[item++].logits;
        for (size_t t = 0; t + 1 < ids.size(); ++t) sum += log_probability({logits.row(t), logits.cols}, ids[t + 1]);
      }
      sums.push_back(sum);
    }
    if (progress) progress(sums.size(), sequences.size());
  }
  return sums;
}

TokenId token_named(const Family& family, const std::string& text) {
  return family.impl().require_tokenizer().id_of(text).value_or(-1);
}

double TextLikelihood::perplexity() const { return std::exp(-log_likelihood / double(tokens)); }
double TextLikelihood::bits_per_byte() const { return -log_likelihood / std::numbers::ln2 / double(bytes); }

TextLikelihood text_likelihood(const Family& family, const std::string& size, const std::filesystem::path& file,
                               TokenId start, size_t window, int parallel, const Progress& progress) {
  const Tokenizer& tokenizer = family.impl().require_tokenizer();
  TextLikelihood result;
  std::vector<std::vector<TokenId>> windows;
  const auto refuse = [](const std::string&) {};  // no bad document is allowed, so none is left out
  result.documents =
      read_documents(file, tokenizer, {}, refuse, [&](const TokenDocument& document) {
        for (size_t at = 0; at < document.ids.size(); at += window) {
          const size_t end = std::min(document.ids.size(), at + window);
          std::vector<TokenId> ids(document.ids.begin() + int64_t(at), document.ids.begin() + int64_t(end));
          for (const TokenId id : ids) result.bytes += tokenizer.token_bytes(id).size();
          prepend(ids, start);
          result.tokens += ids.size() - 1;
          windows.push_back(std::move(ids));
        }
      }).documents;
  if (result.tokens == 0)
    throw Error({.where = file.string(),
                 .what = "has no token to predict",
                 .expected = "a document of two tokens or more",
                 .got = std::to_string(result.documents) + " documents"});
  for (const double sum : log_likelihoods(family, size, windows, parallel, progress)) result.log_likelihood += sum;
  return result;
}

std::vector<MinimalPair> read_minimal_pairs(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  if (!stream || !std::getline(stream, line)) throw Error(file.string(), "cannot be read or is empty");
  const std::vector<std::string> header = cells_of(line);
  const size_t good = column(header, "good", file.string()), bad = column(header, "bad", file.string());
  const bool grouped_lines = std::find(header.begin(), header.end(), "paradigm") != header.end();
  const size_t paradigm = grouped_lines ? column(header, "paradigm", file.string()) : 0;
  std::vector<MinimalPair> pairs;
  for (size_t number = 2; std::getline(stream, line); ++number) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != header.size())
      throw Error({.where = file.string() + ":" + std::to_string(number),
                   .what = "has another number of columns than the first line",
                   .expected = std::to_string(header.size()),
                   .got = std::to_string(cells.size())});
    pairs.push_back({grouped_lines ? cells[paradigm] : "all", cells[good], cells[bad]});
  }
  if (pairs.empty()) throw Error(file.string(), "holds no pairs");
  return pairs;
}

std::vector<bool> prefers_good(const Family& family, const std::string& size, const std::vector<MinimalPair>& pairs,
                               TokenId start, int parallel, const Progress& progress) {
  std::vector<std::vector<TokenId>> sequences;
  for (const MinimalPair& pair : pairs)
    for (const std::string& sentence : {pair.good, pair.bad}) {
      sequences.push_back(family.encode(sentence));
      prepend(sequences.back(), start);
    }
  const std::vector<double> sums = log_likelihoods(family, size, sequences, parallel, progress);
  std::vector<bool> right;
  for (size_t i = 0; i < pairs.size(); ++i) right.push_back(sums[2 * i] > sums[2 * i + 1]);
  return right;
}

}  // namespace starnest
