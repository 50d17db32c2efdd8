#include "generate/generation.h"

#include <algorithm>

#include "engine/logits.h"
#include "starnest/error.h"

namespace starnest {

Generation::Generation(const Engine& engine, const GenerationRules& rules, std::vector<TokenId> prompt,
                       const ResolvedPlan& plan, const Sampling& sampling, Snapshots* snapshots)
    : engine_(engine),
      rules_(rules),
      plan_(plan),
      sampler_(sampling, engine.vocab()),
      text_(std::move(prompt)),
      prompt_tokens_(text_.size()),
      snapshots_(snapshots, text_.size()),
      hand_overs_(engine, plan.hand_over) {
  if (text_.empty()) throw Error("prompt", "is empty");
  for (const TokenId id : text_) require_token(id, engine.vocab());
  if (rules.max_context && int(text_.size()) >= rules.max_context)
    throw Error({.where = "prompt",
                 .what = "is longer than the context",
                 .expected = "fewer than " + std::to_string(rules.max_context) + " tokens",
                 .got = std::to_string(text_.size()),
                 .hint = rules.context_hint});
  const auto open = rules.think ? open_thought(*rules.think, text_) : std::nullopt;
  if (!open) {
    if (rules.think) opening_ = Opening::begun;
    go_on_with(plan_.answering());
    return;
  }
  snapshots_ = SnapshotPolicy(snapshots, open->tag);
  go_on_with(0);
  begin_thinking(open->begin);
  update_done();
}

// A budget of 0 closes the thought before any size has read for it.
void Generation::begin_thinking(size_t begin) {
  phase_ = Phase::thinking;
  thought_begin_ = begin;
  budget_.emplace(*rules_.think, thinking_limits());
  check_thinking();
}

void Generation::note_opening() {
  if (opening_ != Opening::begun) return;
  opening_ = opening_of(*rules_.think, output());
  if (opening_ != Opening::done) return;
  const int least = int(rules_.think->close.size()) + 1;  // of a thought that is closed at once, and an answer
  const bool fits = int(output().size()) + least <= plan_.max_tokens &&
                    (!rules_.max_context || int(text_.size()) + least <= rules_.max_context);
  if (!fits) return;
  opening_tokens_ = output().size();
  begin_thinking(text_.size());
  if (phase_ == Phase::thinking && plan_.answering() > 0) go_on_with(0);
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

// Where a step must stop reading: at a snapshot, and at multiples of a chunk, where states to which a hybrid goes back
// stand in every run of this text, however its reading was cut and whether it leaves snapshots or not.
size_t Generation::next_stop(size_t position) const {
  return std::min(snapshots_.next(position), (position / kPrefillChunk + 1) * kPrefillChunk);
}

std::vector<BatchItem> Generation::next(size_t most, size_t most_along) {
  if (!sequence_) {
    sequence_ = snapshots_.begin(engine_, size(), text_);
    reused_ = sequence_->position();
  }
  const std::span<const TokenId> unread = std::span<const TokenId>(text_).subspan(position());
  const size_t count = std::min({unread.size(), std::max<size_t>(most, 1), next_stop(position()) - position()});
  const bool last = count == unread.size();
  std::vector<BatchItem> items{{&*sequence_, unread.first(count), last ? Want::last : Want::none, {}}};
  if (const auto along = hand_overs_.along(text_, most_along, snapshots_)) items.push_back(*along);
  return items;
}

void Generation::advance(std::span<const BatchItem> read) {
  has_read();
  const BatchItem& own = read.front();
  if (own.want == Want::last) choose({own.logits.row(0), own.logits.cols});
}

void Generation::has_read() {
  if (unread() == 0 || position() % kPrefillChunk == 0) hand_overs_.mark(*sequence_);
  if (exact_) snapshots_.has_read(text_, *sequence_);
}

void Generation::leave_snapshot() const {
  if (exact_ && sequence_) snapshots_.at_end(text_, *sequence_);
}

void Generation::release() {
  sequence_.reset();
  hand_overs_.release();
  reading_ = true;
}

bool Generation::can_be_read_again() const { return exact_ && !hand_overs_.holds_marks(); }

void Generation::choose(VecView<const float> logits) {
  const TokenId id = sampler_.pick(logits, text_, prompt_tokens_);
  const size_t stage = stage_;
  started_ = true;
  reading_ = false;
  stage_tokens_ += 1;
  const bool give_way = rule_holds(logits);
  write(id);
  update_done();
  if (give_way && !done_ && stage_ == stage) go_on_with(stage_ + 1);
}

// Whether the stage ends with the token that was chosen from these logits.
bool Generation::rule_holds(VecView<const float> logits) {
  const Until& until = plan_.stages[stage_].until;
  if (until.event != Until::Event::rule) return false;
  if (until.tokens >= 0 && stage_tokens_ >= until.tokens) return true;
  if (until.entropy < 0) return false;
  entropy_.push(logits);
  return entropy_.is_above(until.entropy);
}

void Generation::write(TokenId id) {
  if (phase_ == Phase::thinking) {
    if (is_stop(id)) return close_thinking(ThinkEnd::stopped);
    text_.push_back(id);
    return check_thinking();
  }
  if (!is_stop(id)) {
    text_.push_back(id);
    return note_opening();
  }
  done_ = true;
  end_ = AnswerEnd::stop_token;
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
  if (const size_t next = plan_.after_thinking(stage_); next != stage_) go_on_with(next);
}

void Generation::go_on_with(size_t stage) {
  handed_over_.reset();
  if (sequence_ && plan_.stages[stage].size != size()) hand_over(plan_.stages[stage].size);
  stage_ = stage;
  stage_tokens_ = 0;
  entropy_.clear();
  const bool last = stage + 1 == plan_.stages.size();
  hand_overs_.expect(last ? std::nullopt : std::optional(plan_.stages[stage + 1].size), size());
}

// Where the mode has nothing to give, the text is read: next() begins the sequence.
void Generation::hand_over(size_t size) {
  std::optional<Sequence> taken = hand_overs_.take(*sequence_, size, text_.size());
  handed_over_ = taken ? plan_.hand_over : HandOver{};
  exact_ = handed_over_->exact();
  sequence_ = std::move(taken);
  reused_ = 0;
  reading_ = true;
}

}  // namespace starnest
