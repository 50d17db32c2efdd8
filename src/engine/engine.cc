#include "engine/engine.h"

#include <algorithm>

#include "base/range.h"
#include "base/text.h"
#include "engine/build_model.h"
#include "engine/logits.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// The largest size among `names`; with none, of all.
size_t largest_of(const FamilySpec& family, const std::vector<std::string>& names) {
  size_t largest = names.empty() ? family.sizes.largest() : 1;
  for (const std::string& name : names) largest = std::max(largest, family.size_named(name));
  return largest;
}

// A thread costs a stack; a mistyped number must not exhaust the system.
int checked_threads(int threads) {
  require_range("threads", threads, 0, 1024, "0 takes as many as the process may use");
  return threads;
}

size_t wanted_rows(const BatchItem& item) {
  return item.want == Want::none ? 0 : item.want == Want::last ? 1 : item.tokens.size();
}

void append(std::vector<RowSpan>& spans, RowSpan next) {
  if (next.rows == 0) return;
  if (!spans.empty() && spans.back().shells == next.shells)
    spans.back().rows += next.rows;
  else
    spans.push_back(next);
}

}  // namespace

Engine::Engine(const FamilySpec& family, const EngineOptions& options, const Progress& progress)
    : family_(family),
      pool_(checked_threads(options.threads)),
      weights_(family.spec, family.sizes, Checkpoint(family.folder)) {
  weights_.load(largest_of(family, options.sizes), pool_, progress);
  model_ = build_model(weights_);
  const bool all_f32 = encodings() == std::vector{Encoding::f32};
  kv_dtype_ = options.kv_dtype.value_or(all_f32 ? DType::f32 : DType::bf16);
  SN_CHECK(kv_dtype_ == DType::f32 || kv_dtype_ == DType::bf16, "keys and values are F32 or BF16");
}

size_t Engine::size_named(std::string_view name) const {
  const size_t size = family_.size_named(name);
  if (size <= resident()) return size;
  std::vector<std::string> loaded;  // largest first
  for (size_t s = resident(); s >= 1; --s) loaded.push_back(name_of(s));
  throw Error({.where = family_.folder.string(),
               .what = "size " + in_quotes(name) + " is not loaded",
               .hint = "Loaded: " + join(loaded, ", ")});
}

void Engine::load(std::string_view name, const Progress& progress) {
  weights_.load(family_.size_named(name), pool_, progress);
  model_ = build_model(weights_);
}

void Engine::drop_above(std::string_view name) {
  weights_.drop(size_named(name));
  model_ = build_model(weights_);
}

Sequence Engine::start(size_t size) const {
  SN_CHECK(size >= 1 && size <= resident(), "the size is not resident");
  return {model_, size, kv_dtype_};
}

void Engine::check_transplant(size_t from, size_t to) const {
  for (size_t b = 0; b < model_.blocks.size(); ++b) {
    const Block& block = model_.blocks[b];
    if (!std::holds_alternative<Mamba2>(block.mixer) && !std::holds_alternative<Attention>(block.mixer)) continue;
    const bool in_from = block.smallest <= from, in_to = block.smallest <= to;
    if (in_from != in_to)
      throw Error({.where = "hand-over",
                   .what = "block " + std::to_string(b) + " has a state that only the size " +
                           in_quotes(name_of(in_from ? from : to)) + " keeps",
                   .hint = "Take the hand-over recompute or shadow"});
  }
}

Sequence Engine::transplant(const Sequence& from, size_t size) const {
  check_transplant(from.size(), size);
  Sequence sequence = start(size);
  sequence.take_over(from);
  return sequence;
}

void Engine::check(std::span<const BatchItem> batch) const {
  for (const BatchItem& item : batch) {
    SN_CHECK(item.sequence && !item.tokens.empty(), "an item needs a sequence and a token");
    SN_CHECK(item.sequence->size() <= resident(), "the size of a sequence is not resident");
    for (const TokenId id : item.tokens) require_token(id, vocab());
  }
}

void Engine::step(std::span<BatchItem> batch) {
  check(batch);
  std::vector<BatchItem*> items;  // largest size first
  for (BatchItem& item : batch) items.push_back(&item);
  std::stable_sort(items.begin(), items.end(),
                   [](const BatchItem* a, const BatchItem* b) { return a->sequence->size() > b->sequence->size(); });

  std::vector<TokenId> ids;
  std::vector<SequenceRun> runs;
  std::vector<RowSpan> spans, wanted_spans;
  for (const BatchItem* item : items) {
    Sequence& sequence = *item->sequence;
    sequence.reserve(item->tokens.size());
    runs.push_back({ids.size(), item->tokens.size(), sequence.position_, sequence.size_, sequence.states_});
    append(spans, {item->tokens.size(), sequence.size_});
    append(wanted_spans, {wanted_rows(*item), sequence.size_});
    ids.insert(ids.end(), item->tokens.begin(), item->tokens.end());
  }
  if (ids.empty()) return;

  arena_.rewind({});
  const Exec exec{pool_, arena_};
  const size_t wanted = rows_in(wanted_spans), width = model_.hidden(spans.front().shells);
  const MatView<float> logits = arena_.matrix(std::max<size_t>(wanted, 1), vocab());
  const MatView<float> rows = arena_.matrix(std::max<size_t>(wanted, 1), width);
  const MatView<float> x = arena_.matrix(ids.size(), width);
  model_.forward(exec, ids, {runs, spans}, x);

  size_t row = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i]->sequence->position_ += runs[i].rows;
    const size_t count = wanted_rows(*items[i]), first = runs[i].first_row + runs[i].rows - count;
    const size_t own_width = model_.hidden(runs[i].size);
    for (size_t r = 0; r < count; ++r) std::copy_n(x.row(first + r), own_width, rows.row(row + r));
    items[i]->logits = logits.row_range(row, count);
    row += count;
  }
  if (wanted) model_.logits(exec, wanted_spans, rows.row_range(0, wanted), logits.row_range(0, wanted));
}

}  // namespace starnest
