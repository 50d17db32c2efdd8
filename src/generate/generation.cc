#include "generate/generation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/range.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr int kDefaultReserve = 512;

size_t resolve_size(const std::string& asked, const std::string& by_default, const Engine& engine) {
  if (!asked.empty()) return engine.size_named(asked);
  return by_default.empty() ? engine.resident() : engine.size_named(by_default);
}

// Entropy of softmax(logits), nats.
double entropy_of(VecView<const float> logits) {
  double most = logits[0];
  for (size_t i = 1; i < logits.size; ++i) most = std::max(most, double(logits[i]));
  double sum = 0, weighted = 0;
  for (size_t i = 0; i < logits.size; ++i) {
    const double shifted = double(logits[i]) - most, weight = std::exp(shifted);
    sum += weight, weighted += weight * shifted;
  }
  return std::log(sum) - weighted / sum;
}

// The rule by which thinking is handed over, into `out`.
void resolve_switch(const Plan& plan, const Engine& engine, ResolvedPlan& out) {
  const bool by_rule = plan.switch_after >= 0 || plan.switch_entropy >= 0;
  if (plan.switch_size.empty() && !by_rule) return;
  if (plan.switch_size.empty())
    throw Error("switch-size", "is missing: switch-after and switch-entropy say when, not to which size");
  if (!by_rule) throw Error("switch-size", "needs switch-after or switch-entropy, which say when");
  out.switch_size = engine.size_named(plan.switch_size);
  out.switch_after = plan.switch_after;
  out.switch_entropy = plan.switch_entropy;
}

}  // namespace

ResolvedPlan resolve(const Plan& plan, const Engine& engine, const GenerationRules& rules,
                     const std::optional<ElasticPlan>& default_plan) {
  constexpr int kMost = 1 << 30;
  require_range("max-tokens", plan.max_tokens, 1, kMost);
  require_range("think-grace", plan.think_grace, 0, kMost);
  require_range("think-budget", plan.think_budget, -kMost, kMost);
  require_range("answer-reserve", plan.answer_reserve, -kMost, kMost);
  const bool sizes_named = !plan.think_size.empty() || !plan.answer_size.empty();
  const bool thinks_apart = !plan.think_size.empty() && plan.think_size != plan.answer_size;
  if (!rules.think && (plan.think_budget >= 0 || thinks_apart))
    throw Error(
        {.where = "plan",
         .what = "this model does not say how its thinking opens and closes",
         .hint =
             "Add think_start_ids and think_end_ids to generation_config.json, or choose one size for the whole text"});

  ResolvedPlan out;
  const ElasticPlan defaults =
      sizes_named ? ElasticPlan{plan.answer_size, plan.think_size} : default_plan.value_or(ElasticPlan{});
  // A size that is not named follows the other one; neither named: the default plan.
  out.think_size = resolve_size(plan.think_size, defaults.think, engine);
  out.answer_size = resolve_size(plan.answer_size, defaults.answer, engine);
  out.max_tokens = plan.max_tokens;
  out.think_budget = plan.think_budget;
  out.think_grace = plan.think_grace;
  out.answer_reserve =
      plan.answer_reserve < 0 ? std::clamp(plan.max_tokens / 4, 1, kDefaultReserve) : plan.answer_reserve;
  out.hand_over = parse_hand_over(plan.hand_over);
  resolve_switch(plan, engine, out);
  if (!out.hand_over.exact()) {
    engine.check_transplant(out.think_size, out.answer_size);
    if (out.switch_size) engine.check_transplant(out.think_size, *out.switch_size);
  }
  return out;
}

Generation::Generation(const Engine& engine, const GenerationRules& rules, std::vector<TokenId> prompt,
                       const ResolvedPlan& plan, const Sampling& sampling, Snapshots* snapshots)
    : engine_(engine),
      rules_(rules),
      plan_(plan),
      sampler_(sampling),
      text_(std::move(prompt)),
      prompt_tokens_(text_.size()),
      phase_(rules.think && ends_with(text_, rules.think->start) ? Phase::thinking : Phase::answering),
      snapshots_(snapshots),
      snapshot_of_prompt_(text_.size() - (phase_ == Phase::thinking ? rules.think->start.size() : 0)) {
  if (text_.empty()) throw Error("prompt", "is empty");
  if (rules.max_context && int(text_.size()) >= rules.max_context)
    throw Error({.where = "prompt",
                 .what = "is longer than the context",
                 .expected = "fewer than " + std::to_string(rules.max_context) + " tokens",
                 .got = std::to_string(text_.size()),
                 .hint = rules.context_hint});
  begin(phase_ == Phase::thinking ? plan.think_size : plan.answer_size);
  if (phase_ == Phase::thinking) {
    begin_shadow();
    budget_.emplace(*rules.think, thinking_limits());
    check_thinking();
    update_done();
  }
}

// Thinking may take what max-tokens and the context leave after the closing tag and the answer's reserve.
ThinkBudget::Limits Generation::thinking_limits() const {
  const int closing = int(rules_.think->close.size());
  const int limit = plan_.max_tokens - plan_.answer_reserve - closing;
  if (limit < 0)
    throw Error({.where = "plan",
                 .what = "max-tokens leaves no room for the closing tag and the reserved answer",
                 .expected = "at least " + std::to_string(plan_.answer_reserve + closing),
                 .got = std::to_string(plan_.max_tokens)});
  if (!rules_.max_context) return {plan_.think_budget, plan_.think_grace, limit};
  const int room = rules_.max_context - int(text_.size()) - closing;  // for thinking and the answer
  if (room < 1)
    throw Error({.where = "prompt",
                 .what = "leaves no room for an answer in the context",
                 .expected = "at most " + std::to_string(rules_.max_context - closing - 1) + " tokens",
                 .got = std::to_string(text_.size()),
                 .hint = rules_.context_hint});
  return {plan_.think_budget, plan_.think_grace, std::min(limit, std::max(0, room - plan_.answer_reserve))};
}

std::vector<BatchItem> Generation::next() {
  const std::span<const TokenId> unread = std::span<const TokenId>(text_).subspan(sequence_->position());
  const size_t most = snapshots_ ? std::min(kPrefillChunk, next_snapshot() - sequence_->position()) : kPrefillChunk;
  const bool last = unread.size() <= most;
  std::vector<BatchItem> items{{&*sequence_, last ? unread : unread.first(most), last ? Want::last : Want::none, {}}};
  if (shadow_) {
    const std::span<const TokenId> behind = std::span<const TokenId>(text_).subspan(shadow_->position());
    if (int(behind.size()) >= plan_.hand_over.window)
      items.push_back({&*shadow_, behind.first(std::min(behind.size(), kPrefillChunk)), Want::none, {}});
  }
  return items;
}

void Generation::begin(size_t size) {
  sequence_ = snapshots_ ? snapshots_->longest_prefix(size, text_) : std::nullopt;
  if (!sequence_) sequence_ = engine_.start(size);
  reused_ = sequence_->position();
}

size_t Generation::next_snapshot() const {
  const size_t position = sequence_->position(), regular = (position / kSnapshotEvery + 1) * kSnapshotEvery;
  return position < snapshot_of_prompt_ ? std::min(snapshot_of_prompt_, regular) : regular;
}

bool Generation::keeps_snapshots() const { return snapshots_ && (!handed_over_ || handed_over_->exact()); }

void Generation::has_read() {
  const size_t position = sequence_->position();
  if (phase_ == Phase::thinking && plan_.hand_over.mode == HandOver::Mode::hybrid && next_size() != size()) {
    const size_t last = marks_.empty() ? 0 : marks_.back().position();
    if (position >= last + size_t(plan_.hand_over.window)) marks_.push_back(sequence_->fork());
    if (marks_.size() > 2) marks_.pop_front();
  }
  if (keeps_snapshots() && (position == snapshot_of_prompt_ || position % kSnapshotEvery == 0))
    snapshots_->keep(std::span(text_).first(position), *sequence_);
}

void Generation::leave_snapshot() {
  if (keeps_snapshots() && sequence_->position() > 0)
    snapshots_->keep(std::span(text_).first(sequence_->position()), *sequence_);
}

void Generation::advance(VecView<const float> logits) {
  const TokenId id = sampler_.pick(logits);
  started_ = true;
  switching_ = false;
  if (phase_ == Phase::thinking) {
    const bool switch_now = must_switch(logits);
    think(id);
    if (switch_now && phase_ == Phase::thinking) {
      switched_after_ = int(output().size());
      if (hand_over(*plan_.switch_size)) thinking_hand_over_ = handed_over_;
      begin_shadow();
    }
  } else {
    write_answer(id);
  }
  update_done();
}

void Generation::update_done() {
  const bool context_full = rules_.max_context && int(text_.size()) >= rules_.max_context;
  if (done_ || (int(output().size()) < plan_.max_tokens && !context_full)) return;
  done_ = true;
  end_ = context_full ? AnswerEnd::context : AnswerEnd::max_tokens;
}

bool Generation::is_stop(TokenId id) const {
  return std::find(rules_.stop_ids.begin(), rules_.stop_ids.end(), id) != rules_.stop_ids.end();
}

void Generation::think(TokenId id) {
  if (is_stop(id)) return close_thinking(ThinkEnd::stopped);
  text_.push_back(id);
  check_thinking();
}

void Generation::check_thinking() {
  if (const auto end = budget_->end_after(output())) close_thinking(*end);
}

void Generation::close_thinking(ThinkEnd end) {
  if (end != ThinkEnd::natural) {
    const std::vector<TokenId> closing = budget_->closing(output());
    text_.insert(text_.end(), closing.begin(), closing.end());
  }
  think_end_ = end;
  answer_start_ = text_.size() - prompt_tokens_;
  phase_ = Phase::answering;
  if (hand_over(plan_.answer_size)) answer_hand_over_ = handed_over_;
  shadow_.reset();  // of a size that thinking did not come to
}

size_t Generation::next_size() const {
  return plan_.switch_size && switched_after_ < 0 ? *plan_.switch_size : plan_.answer_size;
}

void Generation::begin_shadow() {
  if (plan_.hand_over.mode != HandOver::Mode::shadow || next_size() == size()) return;
  shadow_ = snapshots_ ? snapshots_->longest_prefix(next_size(), text_) : std::nullopt;
  if (!shadow_) shadow_ = engine_.start(next_size());
}

// Where a mode has nothing to give (no state far enough back, the shadow of another size), the text is read.
bool Generation::hand_over(size_t size) {
  if (size == sequence_->size()) return false;
  switching_ = true;
  handed_over_ = plan_.hand_over;
  reused_ = 0;
  switch (plan_.hand_over.mode) {
    case HandOver::Mode::transplant:
      sequence_ = engine_.transplant(*sequence_, size);
      break;
    case HandOver::Mode::hybrid:
      while (!marks_.empty() && marks_.back().position() + size_t(plan_.hand_over.window) > text_.size())
        marks_.pop_back();
      if (marks_.empty())
        handed_over_ = HandOver{};
      else
        sequence_ = engine_.transplant(marks_.back(), size);
      marks_.clear();
      break;
    case HandOver::Mode::shadow:
      if (shadow_ && shadow_->size() == size)
        sequence_ = std::move(shadow_);
      else
        handed_over_ = HandOver{};
      shadow_.reset();
      break;
    case HandOver::Mode::recompute:
      break;
  }
  if (handed_over_->mode == HandOver::Mode::recompute) begin(size);
  return true;
}

bool Generation::must_switch(VecView<const float> logits) {
  if (!plan_.switch_size || switched_after_ >= 0) return false;
  if (plan_.switch_after >= 0 && int(output().size()) + 1 >= plan_.switch_after) return true;
  if (plan_.switch_entropy < 0) return false;
  entropies_.push_back(entropy_of(logits));
  if (entropies_.size() > size_t(Plan::kEntropyTokens)) entropies_.pop_front();
  const double mean = std::accumulate(entropies_.begin(), entropies_.end(), 0.0) / double(entropies_.size());
  return entropies_.size() == size_t(Plan::kEntropyTokens) && mean > plan_.switch_entropy;
}

void Generation::write_answer(TokenId id) {
  if (is_stop(id)) {
    done_ = true;
    end_ = AnswerEnd::stop_token;
    return;
  }
  text_.push_back(id);
}

size_t step(Engine& engine, std::span<Generation* const> generations) {
  std::vector<BatchItem> batch;
  std::vector<Generation*> active;
  std::vector<size_t> firsts;  // of each generation's items
  for (Generation* generation : generations) {
    if (generation->done()) continue;
    firsts.push_back(batch.size());
    for (BatchItem& item : generation->next()) batch.push_back(item);
    active.push_back(generation);
  }
  if (batch.empty()) return 0;
  engine.step(batch);
  size_t running = 0;
  for (size_t i = 0; i < active.size(); ++i) {
    active[i]->has_read();
    const BatchItem& own = batch[firsts[i]];
    if (own.want == Want::last) active[i]->advance({own.logits.row(0), own.logits.cols});
    running += active[i]->done() ? 0 : 1;
  }
  return running;
}

}  // namespace starnest
