// One request as a state machine, so that many can share the steps of one engine.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/snapshots.h"
#include "generate/hand_over.h"
#include "generate/sampling.h"
#include "generate/think.h"
#include "starnest/plan.h"
#include "starnest/session.h"

namespace starnest {

// What a model folder says about generating.
struct GenerationRules {
  std::optional<ThinkTokens> think;
  std::vector<TokenId> stop_ids;
  int max_context = 0;            // tokens; 0: no limit known
  std::string context_hint = {};  // what a user can do about a prompt that is longer
};

// A plan with its sizes resolved for one engine and its defaults filled in.
struct ResolvedPlan {
  size_t think_size = 0;
  size_t answer_size = 0;
  int think_budget = -1;
  int think_grace = 0;
  int answer_reserve = 0;
  bool reserve_by_default = false;  // not asked for
  int max_tokens = 0;
  HandOver hand_over = {};
  // Thinking goes on with this size once a rule holds (Plan::switch_after, Plan::switch_entropy).
  std::optional<size_t> switch_size = {};
  int switch_after = -1;
  float switch_entropy = -1;
  // What was asked for that only thinking can use, e.g. "think-size and think-budget"; empty: nothing.
  std::string asked_of_thinking = {};
};

// Throws Error for sizes that are not loaded, numbers out of range, a plan for a model that does not think, a rule
// without a size or the other way round, and a hand-over that these sizes cannot do.
ResolvedPlan resolve(const Plan& plan, const Engine& engine, const GenerationRules& rules,
                     const std::optional<ElasticPlan>& default_plan);

// Bounds the activations of a step; the bits do not depend on it.
inline constexpr size_t kPrefillChunk = 512;
// Tokens between the snapshots of a long text.
inline constexpr size_t kSnapshotEvery = 2048;

// Thinks (when the prompt leaves a thought open), closes, hands over to the answering size, answers. Thinking itself
// may be handed over once. Where the prompt leaves no thought open, the answering size begins; if the first that it
// writes is the opening tag, the thinking size takes over behind it, and budget and rules count from there. Once a
// thought is closed, what follows is the answer, whatever tags it holds.
//
// With `snapshots`, it begins from the longest one of its text (the bits are those of reading everything), and leaves
// some: where the prompt ends, before an opening tag (the next turn of a chat renders thinking away and goes on from
// there), every kSnapshotEvery tokens, and where the text ends. None after a hand-over that is not exact.
//
// Not thread-safe. Engine, rules and snapshots must outlive it.
class Generation {
 public:
  // Throws Error for an empty prompt, for one that leaves no room in the model's context, and for a plan whose
  // max_tokens leave no room for closing tag and answer.
  Generation(const Engine& engine, const GenerationRules& rules, std::vector<TokenId> prompt, const ResolvedPlan& plan,
             const Sampling& sampling, Snapshots* snapshots = nullptr);

  bool done() const { return done_; }
  // What to read next, valid until advance: at most kPrefillChunk tokens of what is unread. The first item wants logits
  // with the last of them. A second one is that of the next size, which reads along (HandOver::Mode::shadow).
  std::vector<BatchItem> next();
  void has_read();                            // after the step that read what next() gave, before advance
  void advance(VecView<const float> logits);  // the logits that next() wanted

  void leave_snapshot();  // of all that was read: when nothing follows

  Phase phase() const { return phase_; }
  size_t size() const { return sequence_->size(); }  // the size that reads and writes now
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
  bool complete() const { return end_ == AnswerEnd::stop_token; }
  AnswerEnd end() const { return end_; }                     // once done
  bool started() const { return started_; }                  // the model has chosen a token
  size_t position() const { return sequence_->position(); }  // tokens that the size in use has read
  size_t reused() const { return reused_; }                  // tokens that the size in use took over from a snapshot
  bool switching() const { return switching_; }  // from a hand-over until the new size has written its first token
  int switched_after() const { return switched_after_; }  // thinking tokens when thinking was handed over; -1: never
  const std::optional<HandOver>& thinking_hand_over() const { return thinking_hand_over_; }  // how it was
  const std::optional<HandOver>& answer_hand_over() const { return answer_hand_over_; }      // to the answering size

 private:
  size_t thinking_tokens() const { return phase_ == Phase::thinking ? text_.size() - prompt_tokens_ : answer_start_; }
  bool is_stop(TokenId id) const;
  ThinkBudget::Limits thinking_limits();
  int reserve_within(int room);  // of the answer, where so much is left in the context for thinking and answer
  void check_thinking();
  void update_done();
  void begin(size_t size);  // a sequence for the text so far
  bool keeps_snapshots() const;
  size_t next_snapshot() const;  // position of the next one to leave
  size_t next_size() const;      // that takes over from the one in use, as far as is known
  void begin_shadow();
  bool hand_over(size_t size);  // false when it is the one in use
  // The part of the thought in use that the model has written.
  std::span<const TokenId> thought_written() const {
    return std::span(text_).subspan(std::max(prompt_tokens_, thought_begin_));
  }
  void begin_thinking();
  void note_opening();                            // whether the model has opened thinking itself
  bool must_switch(VecView<const float> logits);  // whether thinking goes on with Plan::switch_size
  void close_thinking(ThinkEnd end);
  void think(TokenId id);
  void write_answer(TokenId id);

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
  Snapshots* snapshots_;
  size_t snapshot_of_prompt_;  // position
  std::optional<Sequence> sequence_;
  size_t reused_ = 0;
  std::optional<Sequence> shadow_;       // of the next size
  std::deque<Sequence> marks_;           // of the size in use, HandOver::window tokens apart; the last two
  std::deque<double> entropies_;         // of the last choices of thinking, nats
  std::optional<HandOver> handed_over_;  // the last time
  std::optional<HandOver> thinking_hand_over_, answer_hand_over_;
  int switched_after_ = -1;
  bool switching_ = false;
  ThinkEnd think_end_ = ThinkEnd::none;
  bool started_ = false;
  bool done_ = false;
  AnswerEnd end_ = AnswerEnd::max_tokens;
};

// Runs one step for all that are not done. Returns how many are still not done.
size_t step(Engine& engine, std::span<Generation* const> generations);

}  // namespace starnest
