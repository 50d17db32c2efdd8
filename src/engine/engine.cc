#include "engine/engine.h"

#include <algorithm>

#include "base/range.h"
#include "base/text.h"
#include "engine/build_model.h"
#include "engine/logits.h"
#include "kernels/attention.h"
#include "kernels/gather.h"
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

size_t rows_wanted(const BatchItem& item) {
  return item.want == Want::none ? 0 : item.want == Want::last ? 1 : item.tokens.size();
}

}  // namespace

Engine::Engine(const FamilySpec& family, const EngineOptions& options, const Progress& progress)
    : Engine(family, make_device(options.device), options, progress) {}

Engine::Engine(const FamilySpec& family, std::shared_ptr<Device> device, const EngineOptions& options,
               const Progress& progress)
    : family_(family),
      device_(std::move(device)),
      pool_(checked_threads(options.threads)),
      weights_(family.spec, family.sizes, Checkpoint(family.folder), *device_),
      kv_dtype_(options.kv_dtype.value_or(encodings() == std::vector{Encoding::f32} ? DType::f32 : DType::bf16)),
      kv_(std::make_unique<KvPool>(*device_, options.kv_limit)),
      arena_(*device_) {
  SN_CHECK(is_kv_dtype(kv_dtype_), "keys and values of this type are not implemented");
  weights_.load(largest_of(family, options.sizes), pool_, progress);
  model_ = build_model(weights_, kv_dtype_);
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
  model_ = build_model(weights_, kv_dtype_);
}

void Engine::drop_above(std::string_view name) {
  weights_.drop(size_named(name));
  model_ = build_model(weights_, kv_dtype_);
}

Sequence Engine::start(size_t size) const {
  SN_CHECK(size >= 1 && size <= resident(), "the size is not resident");
  return {*device_, size, model_.states.at(size), *kv_};
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
  sequence.take_over(from, model_.states.at(from.size()), model_.states.at(size));
  return sequence;
}

void Engine::check(std::span<const BatchItem> batch) const {
  for (const BatchItem& item : batch) {
    SN_CHECK(item.sequence && !item.tokens.empty(), "an item needs a sequence and a token");
    SN_CHECK(item.sequence->size() <= resident(), "the size of a sequence is not resident");
    for (const TokenId id : item.tokens) require_token(id, vocab());
  }
  if (const uint64_t needed = kv_needed(batch); needed > kv_->available())
    throw Error({.where = "keys and values",
                 .what = "no memory for these tokens",
                 .expected = "at most " + bytes_text(kv_->available()) + " (of " + bytes_text(kv_->limit()) + ")",
                 .got = bytes_text(needed)});
}

uint64_t Engine::kv_needed(std::span<const BatchItem> batch) const {
  uint64_t sum = 0;
  for (const BatchItem& item : batch) sum += item.sequence->kv_needed(item.tokens.size());
  return sum;
}

// A batch as the model reads it.
struct Engine::Layout {
  // The spans of rows that are appended largest size first.
  class Rows {
   public:
    void append(size_t rows, size_t shells) {
      if (rows == 0) return;
      if (!spans_.empty() && spans_.back().shells == shells)
        spans_.back().rows += rows;
      else
        spans_.push_back({rows, shells});
    }
    std::span<const RowSpan> spans() const { return spans_; }

   private:
    std::vector<RowSpan> spans_;
  };

  std::vector<TokenId> ids;
  std::vector<SequenceRun> runs;
  Rows read, wanted;
  std::vector<size_t> wanted_rows;  // of those that are read
};

// Takes room for the tokens. Items come largest size first.
Engine::Layout Engine::laid_out(std::span<BatchItem* const> items) {
  Layout layout;
  for (const BatchItem* item : items) {
    Sequence& sequence = *item->sequence;
    sequence.reserve(item->tokens.size());
    layout.runs.push_back({.first_row = layout.ids.size(),
                           .rows = item->tokens.size(),
                           .position = sequence.position_,
                           .shells = sequence.size_,
                           .state = sequence.state(),
                           .kv = sequence.kv_data_});
    layout.ids.insert(layout.ids.end(), item->tokens.begin(), item->tokens.end());
    layout.read.append(item->tokens.size(), sequence.size_);
    layout.wanted.append(rows_wanted(*item), sequence.size_);
    for (size_t left = rows_wanted(*item); left > 0; --left) layout.wanted_rows.push_back(layout.ids.size() - left);
  }
  return layout;
}

void Engine::step(std::span<BatchItem> batch) {
  check(batch);
  if (batch.empty()) return;
  std::vector<BatchItem*> items;  // largest size first
  for (BatchItem& item : batch) items.push_back(&item);
  std::stable_sort(items.begin(), items.end(),
                   [](const BatchItem* a, const BatchItem* b) { return a->sequence->size() > b->sequence->size(); });
  const Layout layout = laid_out(items);

  arena_.rewind({});
  const Exec exec{*device_, pool_, arena_};
  const Batch read{layout.read.spans(), layout.runs}, wanted{layout.wanted.spans()};
  const size_t width = read.widest(model_.hidden);
  const MatView<float> logits = arena_.matrix(wanted.rows(), vocab()), last = arena_.matrix(wanted.rows(), width);
  const MatView<float> x = arena_.matrix(read.rows(), width);
  model_.forward(exec, layout.ids, read, x);
  take_rows(exec, wanted, model_.hidden, x, layout.wanted_rows, last);
  model_.logits(exec, wanted, last, logits);
  hand_out(items, logits);
}

void Engine::hand_out(std::span<BatchItem* const> items, MatView<const float> logits) {
  const std::byte* for_host =
      device_->host_view(reinterpret_cast<const std::byte*>(logits.data), logits.rows * logits.stride * sizeof(float));
  logits.data = reinterpret_cast<const float*>(for_host);
  size_t row = 0;
  for (BatchItem* item : items) {
    item->sequence->position_ += item->tokens.size();
    item->logits = logits.row_range(row, rows_wanted(*item));
    row += rows_wanted(*item);
  }
}

}  // namespace starnest
