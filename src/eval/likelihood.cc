#include "eval/likelihood.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "base/check.h"
#include "base/text.h"
#include "engine/logits.h"
#include "format/text/csv.h"
#include "generate/family_impl.h"

namespace starnest {
namespace {

// Logits of a step, at most: those of a large vocabulary would not fit into memory for whole windows.
constexpr size_t kMostLogits = size_t{1} << 26;

// The logits after token t of a sequence, of every size.
using Rows = std::span<const Logits>;
using OnRows = std::function<void(size_t sequence, size_t t, Rows rows)>;

Logits row_of(const BatchItem& item, size_t t) { return Logits({item.logits.row(t), item.logits.cols}); }

// Reads every sequence with every size; `parallel` sequences share the steps.
void read_with(Engine& engine, std::span<const size_t> sizes, std::span<const std::vector<TokenId>> sequences,
               int parallel, const OnRows& on_rows, const Progress& progress) {
  for (size_t first = 0; first < sequences.size(); first += size_t(parallel)) {
    const auto part = sequences.subspan(first, std::min(size_t(parallel), sequences.size() - first));
    const size_t chunk = std::max<size_t>(1, kMostLogits / engine.vocab() / part.size() / sizes.size());
    std::vector<Sequence> states;
    for (size_t s = 0; s < part.size() * sizes.size(); ++s) states.push_back(engine.start(sizes[s % sizes.size()]));
    size_t longest = 0;
    for (const auto& ids : part) longest = std::max(longest, ids.size());
    for (size_t at = 0; at < longest; at += chunk) {
      std::vector<BatchItem> items;
      std::vector<size_t> of;  // sequence of the part, per item of the first size
      for (size_t s = 0; s < part.size(); ++s) {
        if (part[s].size() <= at) continue;
        of.push_back(s);
        const std::span<const TokenId> piece = std::span(part[s]).subspan(at, std::min(chunk, part[s].size() - at));
        for (size_t z = 0; z < sizes.size(); ++z)
          items.push_back({&states[s * sizes.size() + z], piece, Want::all, {}});
      }
      engine.step(items);
      std::vector<Logits> rows;
      for (size_t i = 0; i < of.size(); ++i)
        for (size_t t = 0; t < items[i * sizes.size()].tokens.size(); ++t) {
          rows.clear();
          for (size_t z = 0; z < sizes.size(); ++z) rows.push_back(row_of(items[i * sizes.size() + z], t));
          on_rows(first + of[i], at + t, rows);
        }
    }
    if (progress) progress(first + part.size(), sequences.size());
  }
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

}  // namespace

std::vector<double> log_likelihoods(const Family& family, const std::string& size,
                                    std::span<const std::vector<TokenId>> sequences, int parallel,
                                    const Progress& progress) {
  Engine& engine = family.impl().engine;
  const size_t index = engine.size_named(size);
  std::vector<double> sums(sequences.size(), 0);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    const std::vector<TokenId>& ids = sequences[s];
    if (t + 1 < ids.size()) sums[s] += rows[0].log_probability(ids[t + 1]);
  };
  read_with(engine, {&index, 1}, sequences, parallel, add, progress);
  return sums;
}

std::vector<double> log_likelihoods_after(const Family& family, const std::string& size,
                                          std::span<const std::vector<TokenId>> sequences, size_t shared) {
  SN_CHECK(shared > 0, "the first token of a sequence has no probability");
  Engine& engine = family.impl().engine;
  Sequence read = engine.start(engine.size_named(size));
  const std::span<const TokenId> common = std::span(sequences.front()).first(shared);
  BatchItem last{&read, common, Want::last, {}};
  for (size_t at = 0; at < shared; at += kPrefillChunk) {
    const bool more = at + kPrefillChunk < shared;
    last.tokens = common.subspan(at, std::min(kPrefillChunk, shared - at));
    last.want = more ? Want::none : Want::last;
    engine.step({&last, 1});
  }
  const std::vector<float> kept(last.logits.row(0), last.logits.row(0) + last.logits.cols);
  const Logits after(kept);
  std::vector<double> sums;
  for (const std::vector<TokenId>& ids : sequences) {
    const std::span<const TokenId> rest = std::span(ids).subspan(shared);
    double sum = rest.empty() ? 0 : after.log_probability(rest[0]);
    if (rest.size() > 1) {
      Sequence own = read.fork();
      BatchItem item{&own, rest.first(rest.size() - 1), Want::all, {}};
      engine.step({&item, 1});
      for (size_t t = 0; t + 1 < rest.size(); ++t) sum += row_of(item, t).log_probability(rest[t + 1]);
    }
    sums.push_back(sum);
  }
  return sums;
}

std::vector<TokenId> encode_after(const Family& family, std::string_view text, TokenId start) {
  std::vector<TokenId> ids = family.encode(text);
  if (start >= 0 && (ids.empty() || ids.front() != start)) ids.insert(ids.begin(), start);
  return ids;
}

double TextLikelihood::perplexity() const { return std::exp(-log_likelihood / double(tokens)); }
double TextLikelihood::bits_per_byte() const { return -log_likelihood / std::numbers::ln2 / double(bytes); }

TextWindows read_windows(const Family& family, const std::filesystem::path& file, TokenId start, size_t window) {
  const Tokenizer& tokenizer = family.impl().require_tokenizer();
  TextWindows result;
  const auto refuse = [](const std::string&) {};  // no bad document is allowed, so none is left out
  const auto cut = [&](const TokenDocument& document) {
    for (size_t at = 0; at < document.ids.size(); at += window) {
      const auto begin = document.ids.begin() + int64_t(at);
      std::vector<TokenId> ids(begin, begin + int64_t(std::min(window, document.ids.size() - at)));
      if (start >= 0) ids.insert(ids.begin(), start);
      for (const TokenId id : std::span(ids).subspan(1)) result.bytes += tokenizer.token_bytes(id).size();
      result.tokens += ids.size() - 1;
      result.ids.push_back(std::move(ids));
    }
  };
  result.documents = read_documents(file, tokenizer, {}, refuse, cut);
  if (result.tokens == 0)
    throw Error({.where = file.string(),
                 .what = "has no token to predict",
                 .expected = "a document of two tokens or more",
                 .got = std::to_string(result.documents.documents) + " documents"});
  return result;
}

TextLikelihood text_likelihood(const Family& family, const std::string& size, const TextWindows& text, int parallel,
                               const Progress& progress) {
  TextLikelihood result{.tokens = text.tokens, .bytes = text.bytes};
  for (const double sum : log_likelihoods(family, size, text.ids, parallel, progress)) result.log_likelihood += sum;
  return result;
}

TextDivergence text_divergence(const Family& family, const std::string& size, const std::string& reference,
                               const TextWindows& text, int parallel, const Progress& progress) {
  Engine& engine = family.impl().engine;
  const size_t sizes[]{engine.size_named(reference), engine.size_named(size)};
  TextDivergence result;
  const double n = double(text.tokens);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    if (t + 1 >= text.ids[s].size()) return;
    result.mean += rows[0].divergence_from(rows[1]) / n;
    result.same_choice += (rows[0].likeliest() == rows[1].likeliest() ? 1 : 0) / n;
  };
  read_with(engine, sizes, text.ids, parallel, add, progress);
  return result;
}

std::vector<MinimalPair> read_minimal_pairs(const std::filesystem::path& file) {
  const std::vector<TableRow> rows = read_table(LineReader(file), kTsv);
  if (rows.empty()) throw Error(file.string(), "is empty");
  const std::vector<std::string>& header = rows.front().fields;
  const size_t good = column(header, "good", file.string()), bad = column(header, "bad", file.string());
  const bool is_grouped = std::find(header.begin(), header.end(), "paradigm") != header.end();
  const size_t paradigm = is_grouped ? column(header, "paradigm", file.string()) : 0;
  std::vector<MinimalPair> pairs;
  for (const TableRow& row : std::span(rows).subspan(1)) {
    pairs.push_back({is_grouped ? row.fields[paradigm] : "all", row.fields[good], row.fields[bad]});
    if (pairs.back().good.empty() || pairs.back().bad.empty())
      throw Error(file.string() + ":" + std::to_string(row.line), "has an empty sentence");
  }
  if (pairs.empty()) throw Error(file.string(), "holds no pairs");
  return pairs;
}

std::vector<bool> prefers_good(const Family& family, const std::string& size, std::span<const MinimalPair> pairs,
                               TokenId start, int parallel, const Progress& progress) {
  std::vector<std::vector<TokenId>> sequences;
  for (const MinimalPair& pair : pairs)
    for (const std::string& sentence : {pair.good, pair.bad})
      sequences.push_back(encode_after(family, sentence, start));
  const std::vector<double> sums = log_likelihoods(family, size, sequences, parallel, progress);
  std::vector<bool> right;
  for (size_t i = 0; i < pairs.size(); ++i) right.push_back(sums[2 * i] > sums[2 * i + 1]);
  return right;
}

}  // namespace starnest
