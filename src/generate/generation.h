// One text as a state machine, so that many can share the steps of one engine.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "generate/hand_over.h"
#include "generate/plan.h"
#include "generate/rules.h"
#include "generate/sampling.h"
#include "generate/snapshot_policy.h"
#include "generate/think.h"

namespace starnest {

// Tokens of one text that a step reads at most: bounds the activations of a step; the bits do not depend on it.
inline constexpr size_t kPrefillChunk = 512;

// Reads the prompt, thinks (when the prompt leaves a thought open), closes, answers: stage by stage of its plan. Where
// the prompt leaves no thought open, it begins behind the plan's tag; if the first that it writes is the opening tag,
// the first stage takes over behind that, and budget and rules count from there. Once a thought is closed, what follows
// is the answer, whatever tags it holds.
//
// It begins from the longest snapshot of its text (the bits are those of reading everything) and leaves some; none
// after a hand-over that is not exact.
//
// Not thread-safe. Engine, rules and snapshots must outlive it.
class Generation {
 public:
  // Throws Error for an empty prompt, for one that leaves no room in the model's context, and for a plan whose
  // max_tokens leave no room for closing tag and answer. Takes no memory for states before next().
  Generation(const Engine& engine, const GenerationRules& rules, std::vector<TokenId> prompt, const ResolvedPlan& plan,
             const Sampling& sampling, Snapshots* snapshots = nullptr);

  bool done() const { return done_; }
  // What to read next, valid until advance: at most `most` tokens of what is unread, at least one. The first item wants
  // logits with the last of them. A second one is that of a size which reads along (HandOver::Mode::shadow), of at most
  // `most_along` tokens.
  std::vector<BatchItem> next(size_t most = kPrefillChunk, size_t most_along = kPrefillChunk);
  // After the step that read what next() gave: chooses a token where its logits came.
  void advance(std::span<const BatchItem> read);

  void leave_snapshot() const;  // of all that was read: when nothing follows

  // Gives back the memory of its states; next() reads the text again, to the same bits.
  void release();
  bool holds_states() const { return sequence_.has_value(); }
  // Tokens that it may write yet, `most` of them at most.
  size_t tokens_ahead(size_t most) const { return std::min(most, size_t(plan_.max_tokens) - output().size()); }
  bool can_be_read_again() const;  // not so after a hand-over that is not exact, nor where one needs earlier states

  Phase phase() const { return phase_; }
  size_t stage() const { return stage_; }  // index in the plan
  const ResolvedPlan& plan() const { return plan_; }
  size_t size() const { return plan_.stages[stage_].size; }  // that reads and writes now
  // Whether the size in use has not chosen a token since it began, so that its steps are those of reading.
  bool reading() const { return reading_; }
  size_t unread() const { return text_.size() - position(); }
  size_t position() const { return sequence_ ? sequence_->position() : 0; }  // tokens that the size in use has read
  size_t reused() const { return reused_; }  // tokens that the size in use took over from a snapshot
  const std::optional<HandOver>& handed_over() const { return handed_over_; }  // how the size in use took over

  std::span<const TokenId> output() const { return std::span(text_).subspan(prompt_tokens_); }
  // Output ids of a phase. The closing tag belongs to thinking.
  std::span<const TokenId> thinking() const { return output().first(thinking_tokens()); }
  std::span<const TokenId> answer() const { return output().subspan(thinking_tokens()); }
  ThinkEnd think_end() const { return think_end_; }
  // Output ids before a thought that the model has opened itself: its tag, and white space before that.
  size_t opening_tokens() const { return opening_tokens_; }
  // Ids of the closing tag that were put there, since no size wrote them.
  size_t closing_put() const { return closing_put_; }
  // Nothing but what may yet become the model's own opening tag was written: neither thinking nor answer.
  bool may_open_thinking() const { return opening_ == Opening::begun; }
  // What a caller who asked for this plan should know: what of it did not apply, or was changed to fit.
  std::vector<std::string> notices() const;
  AnswerEnd end() const { return end_; }  // once done
  bool complete() const { return end_ == AnswerEnd::stop_token; }

 private:
  size_t thinking_tokens() const { return phase_ == Phase::thinking ? text_.size() - prompt_tokens_ : answer_start_; }
  bool is_stop(TokenId id) const;
  ThinkBudget::Limits thinking_limits();
  int reserve_within(int room);  // of the answer, where so much is left in the context for thinking and answer
  // The part of the thought in use that the model has written.
  std::span<const TokenId> thought_written() const {
    return std::span(text_).subspan(std::max(prompt_tokens_, thought_begin_));
  }
  void begin_thinking(size_t begin);  // of the thought, in the text: behind its tag
  void note_opening();                // whether the model has opened thinking itself
  size_t next_stop(size_t position) const;
  void has_read();
  void choose(VecView<const float> logits);
  bool rule_holds(VecView<const float> logits);
  void write(TokenId id);
  void check_thinking();
  void close_thinking(ThinkEnd end);
  void go_on_with(size_t stage);
  void hand_over(size_t size);
  void update_done();

  const Engine& engine_;
  const GenerationRules& rules_;
  ResolvedPlan plan_;
  Sampler sampler_;
  std::optional<ThinkBudget> budget_;
  std::vector<std::string> notices_;
  std::vector<TokenId> text_;  // prompt and output
  size_t prompt_tokens_;
  size_t thought_begin_ = 0;  // of the open thought, in the text: behind its tag
  size_t opening_tokens_ = 0;
  size_t closing_put_ = 0;
  Opening opening_ = Opening::none;
  size_t answer_start_ = 0;  // in the output
  Phase phase_ = Phase::answering;
  SnapshotPolicy snapshots_;

  size_t stage_ = 0;
  int stage_tokens_ = 0;  // chosen in this stage
  EntropyWindow entropy_;
  std::optional<Sequence> sequence_;  // of size(); none: before the first step, or given back
  HandOvers hand_overs_;
  std::optional<HandOver> handed_over_;
  bool exact_ = true;     // the state is what reading the text would give
  bool started_ = false;  // the model has chosen a token
  bool reading_ = true;
  size_t reused_ = 0;

  ThinkEnd think_end_ = ThinkEnd::none;
  bool done_ = false;
  AnswerEnd end_ = AnswerEnd::max_tokens;
};

}  // namespace starnest
