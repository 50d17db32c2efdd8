#include "eval/likelihood.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "base/check.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/logits.h"
#include "format/text/csv.h"
#include "format/text/tokenizer.h"

namespace starnest {
namespace {

// Tokens of a step that reads one text without its logits: bounds the activations.
constexpr size_t kMostTokens = 512;

// Logits of a step, at most: those of a large vocabulary would not fit into memory for whole windows.
constexpr size_t kMostLogits = size_t{1} << 26;

// A size of an engine that reads.
struct Reader {
  Engine* engine;
  size_t size;
};

// The logits after token t of a sequence, of every reader.
using Rows = std::span<const Logits>;
using OnRows = std::function<void(size_t sequence, size_t t, Rows rows)>;

Logits row_of(const BatchItem& item, size_t t) { return Logits({item.logits.row(t), item.logits.cols}); }

// Some sequences, each read by every reader. Readers of one engine share its steps.
class ParallelReading {
 public:
  ParallelReading(std::span<const Reader> readers, std::span<const std::vector<TokenId>> sequences)
      : readers_(readers), sequences_(sequences) {
    for (const auto& ids : sequences) longest_ = std::max(longest_, ids.size());
    for (size_t i = 0; i < sequences.size() * readers.size(); ++i)
      states_.push_back(reader(i).engine->start(reader(i).size));
  }

  // In chunks of tokens; `first` is the number of the first sequence.
  void read(size_t chunk, size_t first, const OnRows& on_rows) {
    for (size_t at = 0; at < longest_; at += chunk) {
      step(at, chunk);
      std::vector<Logits> rows;
      for (size_t s = 0; s < sequences_.size(); ++s)
        for (size_t t = at; t < std::min(at + chunk, sequences_[s].size()); ++t) {
          rows.clear();
          for (size_t z = 0; z < readers_.size(); ++z) rows.push_back(row_of(item(s, z), t - at));
          on_rows(first + s, t, rows);
        }
    }
  }

 private:
  const Reader& reader(size_t i) const { return readers_[i % readers_.size()]; }
  const BatchItem& item(size_t s, size_t z) const { return *item_of_.at(s * readers_.size() + z); }

  void step(size_t at, size_t chunk) {
    items_.clear();
    item_of_.assign(states_.size(), nullptr);
    std::map<Engine*, std::vector<size_t>> of_engine;
    for (size_t i = 0; i < states_.size(); ++i)
      if (sequences_[i / readers_.size()].size() > at) of_engine[reader(i).engine].push_back(i);
    for (const auto& [engine, numbers] : of_engine) {
      std::vector<BatchItem>& items = items_[engine];
      for (const size_t i : numbers) {
        const std::vector<TokenId>& ids = sequences_[i / readers_.size()];
        items.push_back({&states_[i], std::span(ids).subspan(at, std::min(chunk, ids.size() - at)), Want::all, {}});
      }
      engine->step(items);
      for (size_t n = 0; n < numbers.size(); ++n) item_of_[numbers[n]] = &items[n];
    }
  }

  std::span<const Reader> readers_;
  std::span<const std::vector<TokenId>> sequences_;
  size_t longest_ = 0;
  std::vector<Sequence> states_;  // [sequences][readers]
  std::map<Engine*, std::vector<BatchItem>> items_;
  std::vector<const BatchItem*> item_of_;  // [sequences][readers]; null: the sequence is at its end
};

// Reads every sequence with every reader; `parallel` sequences share the steps.
void read_with(std::span<const Reader> readers, std::span<const std::vector<TokenId>> sequences, int parallel,
               const OnRows& on_rows, const Progress& progress) {
  for (size_t first = 0; first < sequences.size(); first += size_t(parallel)) {
    const auto part = sequences.subspan(first, std::min(size_t(parallel), sequences.size() - first));
    const size_t chunk =
        std::max<size_t>(1, kMostLogits / readers.front().engine->vocab() / part.size() / readers.size());
    ParallelReading(readers, part).read(chunk, first, on_rows);
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
  Engine& engine = family.engine();
  const Reader reader{&engine, engine.size_named(size)};
  std::vector<double> sums(sequences.size(), 0);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    const std::vector<TokenId>& ids = sequences[s];
    if (t + 1 < ids.size()) sums[s] += rows[0].log_probability(ids[t + 1]);
  };
  read_with({&reader, 1}, sequences, parallel, add, progress);
  return sums;
}

std::vector<double> log_likelihoods_after(const Family& family, const std::string& size,
                                          std::span<const std::vector<TokenId>> sequences, size_t shared) {
  SN_CHECK(shared > 0, "the first token of a sequence has no probability");
  Engine& engine = family.engine();
  Sequence read = engine.start(engine.size_named(size));
  const std::span<const TokenId> common = std::span(sequences.front()).first(shared);
  BatchItem last{&read, common, Want::last, {}};
  for (size_t at = 0; at < shared; at += kMostTokens) {
    const bool more = at + kMostTokens < shared;
    last.tokens = common.subspan(at, std::min(kMostTokens, shared - at));
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
  const Tokenizer& tokenizer = family.tokenizer();
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

TextDivergence text_divergence(const SizeOf& size, const SizeOf& reference, const TextWindows& text, int parallel,
                               const Progress& progress) {
  const auto reader_of = [](const SizeOf& of) {
    Engine& engine = of.family.engine();
    return Reader{&engine, engine.size_named(of.size)};
  };
  const Reader readers[]{reader_of(reference), reader_of(size)};
  if (readers[0].engine->vocab() != readers[1].engine->vocab())
    throw Error({.where = reference.family.spec().folder.string(),
                 .what = "has another vocabulary",
                 .expected = grouped(readers[1].engine->vocab()) + " tokens",
                 .got = grouped(readers[0].engine->vocab())});
  TextDivergence result;
  const double n = double(text.tokens);
  const auto add = [&](size_t s, size_t t, Rows rows) {
    if (t + 1 >= text.ids[s].size()) return;
    result.mean += rows[0].divergence_from(rows[1]) / n;
    result.same_choice += (rows[0].likeliest() == rows[1].likeliest() ? 1 : 0) / n;
  };
  read_with(readers, text.ids, parallel, add, progress);
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
