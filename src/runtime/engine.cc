#include "runtime/engine.h"

#include <algorithm>

#include "core/base/range.h"
#include "core/base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

std::vector<Size> resident_sizes(const FamilySpec& family, const std::vector<std::string>& names) {
  if (names.empty()) return family.sizes;
  std::vector<Size> sizes;
  for (const Size& size : family.sizes) {  // keeps the order, drops repetitions
    const auto asked = [&](const std::string& name) { return family.size(name).name == size.name; };
    if (std::any_of(names.begin(), names.end(), asked)) sizes.push_back(size);
  }
  return sizes;
}

std::vector<Size> reversed(std::vector<Size> sizes) {
  std::reverse(sizes.begin(), sizes.end());
  return sizes;
}

// A thread costs a stack; a mistyped number must not exhaust the system.
int checked_threads(int threads) {
  require_range("threads", threads, 0, 1024, "0 takes as many as the process may use");
  return threads;
}

}  // namespace

Engine::Engine(const FamilySpec& family, const EngineOptions& options, const Progress& progress)
    : family_(family),
      sizes_(resident_sizes(family, options.sizes)),
      weights_(family.spec, reversed(sizes_), Checkpoint(family.folder), progress),
      pool_(checked_threads(options.threads)) {
  for (const Size& size : sizes_) models_.push_back(weights_.model(size.widths));
}

size_t Engine::index_of(std::string_view name) const {
  const Size& wanted = family_.size(name);
  std::vector<std::string> resident;
  for (size_t i = 0; i < sizes_.size(); ++i) {
    if (sizes_[i].name == wanted.name) return i;
    resident.push_back(sizes_[i].name);
  }
  throw Error({.where = family_.folder.string(),
               .what = "size " + in_quotes(name) + " is not loaded",
               .hint = "Loaded: " + join(resident, ", ")});
}

void Engine::step(std::span<BatchItem> batch) {
  for (const BatchItem& item : batch) {
    SN_CHECK(item.sequence && !item.tokens.empty(), "an item needs a sequence and a token");
    for (const TokenId id : item.tokens)
      if (id < 0 || size_t(id) >= vocab())
        throw Error({.where = "token id " + std::to_string(id),
                     .what = "is not in the vocabulary",
                     .expected = "0 to " + std::to_string(vocab() - 1)});
  }
  arena_.rewind({});
  for (size_t size = 0; size < models_.size(); ++size) step_size(batch, size);
}

void Engine::step_size(std::span<BatchItem> batch, size_t size) {
  const Model& model = models_[size];
  std::vector<TokenId> ids;
  std::vector<SequenceRun> runs;
  size_t wanted_rows = 0;
  for (BatchItem& item : batch) {
    if (item.sequence->size() != size) continue;
    Sequence& sequence = *item.sequence;
    sequence.reserve(item.tokens.size());
    runs.push_back({ids.size(), item.tokens.size(), sequence.position_, sequence.states_});
    ids.insert(ids.end(), item.tokens.begin(), item.tokens.end());
    wanted_rows += item.want == Want::none ? 0 : item.want == Want::last ? 1 : item.tokens.size();
  }
  if (ids.empty()) return;

  const Exec exec{pool_, arena_};
  const MatView<float> logits = arena_.matrix(std::max<size_t>(wanted_rows, 1), model.vocab());
  const MatView<float> rows = arena_.matrix(std::max<size_t>(wanted_rows, 1), model.hidden());
  const MatView<float> x = arena_.matrix(ids.size(), model.hidden());
  model.forward(exec, ids, runs, x);

  size_t run = 0, row = 0;
  for (BatchItem& item : batch) {
    if (item.sequence->size() != size) continue;
    const SequenceRun& here = runs[run++];
    item.sequence->position_ += here.rows;
    const size_t first = item.want == Want::all ? 0 : here.rows - 1;
    const size_t count = item.want == Want::none ? 0 : here.rows - first;
    for (size_t r = 0; r < count; ++r) std::copy_n(x.row(here.first_row + first + r), x.cols, rows.row(row + r));
    item.logits = logits.row_range(row, count);
    row += count;
  }
  if (wanted_rows) model.logits(exec, rows, logits);
}

}  // namespace starnest
