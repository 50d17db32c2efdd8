#include "generate/generation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/range.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr int kDefaultReserve = 512;

int default_reserve(int tokens) { return std::clamp(tokens / 4, 1, kDefaultReserve); }

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

std::string asked_of_thinking(const Plan& plan) {
  std::vector<std::string> fields;
  if (!plan.think_size.empty() && plan.think_size != plan.answer_size) fields.push_back("think-size");
  if (plan.think_budget > 0) fields.push_back("think-budget");
  if (!plan.switch_size.empty()) fields.push_back("switch-size");
  return join(fields, " and ");
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
  ResolvedPlan out;
  out.asked_of_thinking = asked_of_thinking(plan);
  if (!rules.think && !out.asked_of_thinking.empty())
    throw Error(
        {.where = "plan",
         .what = out.asked_of_thinking + " cannot apply: this model does not say how its thinking opens and closes",
         .hint = "Add think_start_ids and think_end_ids to generation_config.json, or choose one size for the "
                 "whole text"});

  const ElasticPlan defaults =
      sizes_named ? ElasticPlan{plan.answer_size, plan.think_size} : default_plan.value_or(ElasticPlan{});
  // A size that is not named follows the other one; neither named: the default plan.
  out.think_size = resolve_size(plan.think_size, defaults.think, engine);
  out.answer_size = resolve_size(plan.answer_size, defaults.answer, engine);
  out.max_tokens = plan.max_tokens;
  out.think_budget = plan.think_budget;
  out.think_grace = plan.think_grace;
  out.reserve_by_default = plan.answer_reserve < 0;
  out.answer_reserve = out.reserve_by_default ? default_reserve(plan.max_tokens) : plan.answer_reserve;
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
      sampler_(sampling, engine.vocab()),
      text_(std::move(prompt)),
      prompt_tokens_(text_.size()),
      snapshots_(snapshots),
      snapshot_of_prompt_(text_.size()) {
  if (rules.think) {
    if (const auto open = open_thought(*rules.think, text_)) {
      phase_ = Phase::thinking;
      thought_begin_ = open->begin;
      snapshot_of_prompt_ = open->tag;
    } else {
      opening_ = Opening::begun;
    }
  }
  if (text_.empty()) throw Error("prompt", "is empty");
  if (rules.max_context && int(text_.size()) >= rules.max_context)
    throw Error({.where = "prompt",
                 .what = "is longer than the context",
                 .expected = "fewer than " + std::to_string(rules.max_context) + " tokens",
                 .got = std::to_string(text_.size()),
                 .hint = rules.context_hint});
  begin(phase_ == Phase::thinking ? plan.think_size : plan.answer_size);
  if (phase_ == Phase::thinking) {
    begin_thinking();
    update_done();
  }
}

// A budget of 0 closes the thought before any size has read for it.
void Generation::begin_thinking() {
  budget_.emplace(*rules_.think, thinking_limits());
  check_thinking();
  if (phase_ != Phase::thinking) return;
  if (hand_over(plan_.think_size)) thinking_hand_over_ = handed_over_;
  begin_shadow();
}

void Generation::note_opening() {
  if (opening_ != Opening::begun) return;
  opening_ = opening_of(*rules_.think, output());
  if (opening_ != Opening::done) return;
  const int least = int(rules_.think->close.size()) + 1;  // of a thought that is closed at once, and an answer
  const bool fits = int(output().size()) + least <= plan_.max_tokens &&
                    (!rules_.max_context || int(text_.size()) + least <= rules_.max_context);
  if (!fits) return;
  phase_ = Phase::thinking;
  thought_begin_ = text_.size();
  opening_tokens_ = output().size();
  begin_thinking();
}

// Thinking may take what max-tokens and the context leave after the closing tag and the answer's reserve.
ThinkBudget::Limits Generation::thinking_limits() {
  const int closing = int(rules_.think->close.size()), opening = int(opening_tokens_);
  const int limit = plan_.max_tokens - opening - plan_.answer_reserve - closing;
  if (limit < 0 && opening == 0)
    throw Error({.where = "plan",
                 .what = "max-tokens leaves no room for the closing tag and the reserved answer",
                 .expected = "at least " + std::to_string(plan_.answer_reserve + closing),
                 .got = std::to_string(plan_.max_tokens)});
  if (!rules_.max_context) return {plan_.think_budget, plan_.think_grace, std::max(0, limit)};
  const int room = rules_.max_context - int(text_.size()) - closing;  // for thinking and the answer
  if (room < 1)
    throw Error({.where = "prompt",
                 .what = "leaves no room for an answer in the context",
                 .expected = "at most " + std::to_string(rules_.max_context - closing - 1) + " tokens",
                 .got = std::to_string(text_.size()),
                 .hint = rules_.context_hint});
  return {plan_.think_budget, plan_.think_grace, std::clamp(room - reserve_within(room), 0, std::max(0, limit))};
}

// One that nobody asked for is a share of what there is, so that it never takes the place of all thinking.
int Generation::reserve_within(int room) {
  const int asked = plan_.answer_reserve;
  const int reserve = std::min(asked, plan_.reserve_by_default ? default_reserve(room) : room);
  if (reserve < asked)
    notices_.push_back("the context leaves " + std::to_string(room) + " tokens for thinking and answer: " +
                       std::to_string(reserve) + " of them are the answer's reserve, not " + std::to_string(asked));
  return reserve;
}

std::vector<std::string> Generation::notices() const {
  std::vector<std::string> all = notices_;
  if (started_ && phase_ == Phase::answering && think_end_ == ThinkEnd::none && !plan_.asked_of_thinking.empty())
    all.push_back("neither the prompt nor the model opened thinking: " + plan_.asked_of_thinking + " had no effect");
  if (think_end_ == ThinkEnd::forced && budget_ && budget_->limits().limit < plan_.think_budget)
    all.push_back("thinking was ended after " + std::to_string(budget_->limits().limit) + " tokens, before the " +
                  std::to_string(plan_.think_budget) + " of think-budget: the rest is the answer's reserve");
  return all;
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
  const TokenId id = sampler_.pick(logits, text_, prompt_tokens_);
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
    if (!done_) note_opening();
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
  const auto thought = std::span<const TokenId>(text_).subspan(thought_begin_);
  if (const auto end = budget_->end_after(thought, thought_written().size())) close_thinking(*end);
}

void Generation::close_thinking(ThinkEnd end) {
  if (end != ThinkEnd::natural) {
    const std::vector<TokenId> closing = budget_->closing(thought_written());
    text_.insert(text_.end(), closing.begin(), closing.end());
    closing_put_ = closing.size();
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
  if (plan_.switch_after >= 0 && int(thought_written().size()) + 1 >= plan_.switch_after) return true;
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
