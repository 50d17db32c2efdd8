#include "eval/likelihood.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>
#include <sstream>

#include "base/check.h"
#include "base/text.h"
#include "format/text/documents.h"
#include "generate/family_impl.h"

namespace starnest {
namespace {

// log sum exp(logits)
double log_sum(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return double(largest) + std::log(sum);
}

// sum_v p (log p - log q)
double divergence(std::span<const float> p, std::span<const float> q) {
  const double p_sum = log_sum(p), q_sum = log_sum(q);
  double sum = 0;
  for (size_t v = 0; v < p.size(); ++v) {
    const double log_p = double(p[v]) - p_sum;
    sum += std::exp(log_p) * (log_p - (double(q[v]) - q_sum));
  }
  return sum;
}

size_t likeliest(std::span<const float> logits) {
  return size_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Logits of a step, at most: those of a large vocabulary would not fit into memory for whole windows.
constexpr size_t kMostLogits = size_t{1} << 26;

// The logits after token t of a sequence, one row per size.
using Rows = std::span<const std::span<const float>>;
using OnRows = std::function<void(size_t sequence, size_t t, Rows rows)>;

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
      std::vector<std::span<const float>> rows(sizes.size());
      for (size_t i = 0; i < of.size(); ++i)
        for (size_t t = 0; t < items[i * sizes.size()].tokens.size(); ++t) {
          for (size_t z = 0; z < sizes.size(); ++z) {
            const MatView<const float>& logits = items[i * sizes.size() + z].logits;
            rows[z] = {logits.row(t), logits.cols};
          }
          on_rows(first + of[i], at + t, rows);
        }
    }
    if (progress) progress(first + part.size(), sequences.size());
  }
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
  const size_t index = engine.size_named(size);
  std::vector<double> sums(sequences.size(), 0);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    const std::vector<TokenId>& ids = sequences[s];
    if (t + 1 < ids.size()) sums[s] += double(rows[0][size_t(ids[t + 1])]) - log_sum(rows[0]);
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
  const std::vector<float> after(last.logits.row(0), last.logits.row(0) + last.logits.cols);
  std::vector<double> sums;
  for (const std::vector<TokenId>& ids : sequences) {
    const std::span<const TokenId> rest = std::span(ids).subspan(shared);
    double sum = rest.empty() ? 0 : double(after[size_t(rest[0])]) - log_sum(after);
    if (rest.size() > 1) {
      Sequence own = read.fork();
      BatchItem item{&own, rest.first(rest.size() - 1), Want::all, {}};
      engine.step({&item, 1});
      for (size_t t = 0; t + 1 < rest.size(); ++t) {
        const std::span<const float> row(item.logits.row(t), item.logits.cols);
        sum += double(row[size_t(rest[t + 1])]) - log_sum(row);
      }
    }
    sums.push_back(sum);
  }
  return sums;
}

TokenId token_named(const Family& family, const std::string& text) {
  return family.impl().require_tokenizer().id_of(text).value_or(-1);
}

double TextLikelihood::perplexity() const { return std::exp(-log_likelihood / double(tokens)); }
double TextLikelihood::bits_per_byte() const { return -log_likelihood / std::numbers::ln2 / double(bytes); }

namespace {

// The documents of a file in windows, each after `start`; counts go into `result`.
std::vector<std::vector<TokenId>> windows_of(const Family& family, const std::filesystem::path& file, TokenId start,
                                             size_t window, TextLikelihood& result) {
  const Tokenizer& tokenizer = family.impl().require_tokenizer();
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
  return windows;
}

}  // namespace

TextLikelihood text_likelihood(const Family& family, const std::string& size, const std::filesystem::path& file,
                               TokenId start, size_t window, int parallel, const Progress& progress) {
  TextLikelihood result;
  const auto windows = windows_of(family, file, start, window, result);
  for (const double sum : log_likelihoods(family, size, windows, parallel, progress)) result.log_likelihood += sum;
  return result;
}

TextDivergence text_divergence(const Family& family, const std::string& size, const std::string& reference,
                               const std::filesystem::path& file, TokenId start, size_t window, int parallel,
                               const Progress& progress) {
  Engine& engine = family.impl().engine;
  const size_t sizes[]{engine.size_named(reference), engine.size_named(size)};
  TextLikelihood counts;
  const auto windows = windows_of(family, file, start, window, counts);
  TextDivergence result{.tokens = counts.tokens};
  const double n = double(counts.tokens);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    if (t + 1 >= windows[s].size()) return;
    result.mean += divergence(rows[0], rows[1]) / n;
    result.same_choice += (likeliest(rows[0]) == likeliest(rows[1]) ? 1 : 0) / n;
  };
  read_with(engine, sizes, windows, parallel, add, progress);
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

std::vector<bool> prefers_good(const Family& family, const std::string& size, std::span<const MinimalPair> pairs,
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
