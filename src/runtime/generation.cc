#include "runtime/generation.h"

#include <algorithm>

#include "core/base/range.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr int kDefaultReserve = 512;

size_t resolve_size(const std::string& asked, const std::string& by_default, const Engine& engine) {
  if (!asked.empty()) return engine.index_of(asked);
  return by_default.empty() ? engine.largest() : engine.index_of(by_default);
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
  if (!rules.think && (plan.think_budget >= 0 || !plan.think_size.empty()))
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
  begin(size());
  if (phase_ == Phase::thinking) {
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

BatchItem Generation::next() {
  const std::span<const TokenId> unread = std::span<const TokenId>(text_).subspan(sequence_->position());
  const size_t most = snapshots_ ? std::min(kPrefillChunk, next_snapshot() - sequence_->position()) : kPrefillChunk;
  const bool last = unread.size() <= most;
  return {&*sequence_, last ? unread : unread.first(most), last ? Want::last : Want::none, {}};
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

void Generation::has_read() {
  const size_t position = sequence_->position();
  if (snapshots_ && (position == snapshot_of_prompt_ || position % kSnapshotEvery == 0))
    snapshots_->keep(std::span(text_).first(position), *sequence_);
}

void Generation::leave_snapshot() {
  if (snapshots_ && sequence_->position() > 0)
    snapshots_->keep(std::span(text_).first(sequence_->position()), *sequence_);
}

void Generation::advance(VecView<const float> logits) {
  const TokenId id = sampler_.pick(logits);
  started_ = true;
  if (phase_ == Phase::thinking)
    think(id);
  else
    write_answer(id);
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
  if (plan_.answer_size != plan_.think_size) begin(plan_.answer_size);
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
  for (Generation* generation : generations) {
    if (generation->done()) continue;
    batch.push_back(generation->next());
    active.push_back(generation);
  }
  if (batch.empty()) return 0;
  engine.step(batch);
  size_t running = 0;
  for (size_t i = 0; i < active.size(); ++i) {
    active[i]->has_read();
    if (batch[i].want == Want::last) active[i]->advance({batch[i].logits.row(0), batch[i].logits.cols});
    running += active[i]->done() ? 0 : 1;
  }
  return running;
}

}  // namespace starnest
