#include "starnest/session.h"

#include <chrono>
#include <utility>

#include "arch/pass_cost.h"
#include "generate/family_impl.h"
#include "generate/stop_text.h"

namespace starnest {
namespace {

using Clock = std::chrono::steady_clock;
double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Turns new output ids into pieces of text, phase by phase. The closing tag and other special tokens are not shown.
class Writer {
 public:
  Writer(const Family::Impl& family, const AskOptions& options, Answer& answer)
      : family_(family), on_text_(options.on_text), answer_(answer), stop_(options.stop) {
    if (family.tokenizer) decoder_.emplace(*family.tokenizer, /*skip_special=*/true);
    if (!decoder_ && !options.stop.empty()) family.require_tokenizer();
  }

  void write(Phase phase, size_t size, std::span<const TokenId> ids) {
    if (!decoder_) return;
    for (const TokenId id : ids) pass(phase, size, decoder_->push(id));
  }
  void finish(Phase phase, size_t size) {
    if (!decoder_) return;
    pass(phase, size, decoder_->finish());
    if (phase == Phase::answering) show(phase, size, stop_.finish());
  }
  bool stopped() const { return stop_.found(); }

 private:
  void pass(Phase phase, size_t size, const std::string& text) {
    show(phase, size, phase == Phase::thinking ? text : stop_.push(text));
  }
  void show(Phase phase, size_t size, const std::string& text) {
    if (text.empty()) return;
    (phase == Phase::thinking ? answer_.thinking : answer_.answer) += text;
    if (on_text_) on_text_({phase, family_.engine.name_of(size), text});
  }

  const Family::Impl& family_;
  const std::function<void(const TextPiece&)>& on_text_;
  Answer& answer_;
  StopText stop_;
  std::optional<StreamDecoder> decoder_;
};

// One request from its first step to its last.
class Asking {
 public:
  Asking(Family::Impl& family, const std::vector<TokenId>& prompt, const AskOptions& options)
      : family_(family),
        options_(options),
        plan_(resolve(options.plan, family.engine, family.rules, family.spec.default_plan)),
        generation_(family.engine, family.rules, prompt, plan_, options.sampling.value_or(family.sampling),
                    family.snapshots.limit() > 0 ? &family.snapshots : nullptr),
        writer_(family, options, answer_) {
    const auto name = [&](size_t size) { return family.engine.name_of(size); };
    answer_.prompt_report.size = name(generation_.size());
    answer_.reused_tokens = int(generation_.reused());
    answer_.thinking_report.size = name(plan_.think_size);
    if (plan_.switch_size) answer_.second_thinking_report.size = name(*plan_.switch_size);
    answer_.answer_report.size = name(plan_.answer_size);
  }

  Answer run() {
    show_new();  // a budget of 0 closes thinking before the first token is read
    bool cancelled = false;
    while (!generation_.done() && !writer_.stopped() && !cancelled) {
      cancelled = options_.cancelled && options_.cancelled();
      if (cancelled) break;
      take_step();
      show_new();
    }
    writer_.finish(generation_.phase(), generation_.size());
    answer_.seconds_to_first_token = generation_.started() ? answer_.prompt_report.seconds : 0;
    generation_.leave_snapshot();
    answer_.ids.assign(generation_.output().begin(), generation_.output().end());
    answer_.think_end = generation_.think_end();
    answer_.switched_after = generation_.switched_after();
    if (generation_.thinking_hand_over()) answer_.thinking_hand_over = text_of(*generation_.thinking_hand_over());
    if (generation_.answer_hand_over()) answer_.hand_over = text_of(*generation_.answer_hand_over());
    answer_.end = writer_.stopped() ? AnswerEnd::stop_text : cancelled ? AnswerEnd::cancelled : generation_.end();
    const int thinking = int(generation_.thinking().size());
    answer_.thinking_report.tokens = answer_.switched_after < 0 ? thinking : answer_.switched_after;
    answer_.second_thinking_report.tokens = thinking - answer_.thinking_report.tokens;
    answer_.answer_report.tokens = int(generation_.answer().size());
    return std::move(answer_);
  }

 private:
  PhaseReport& report_of_next_step() {
    if (!generation_.started()) return answer_.prompt_report;
    if (generation_.phase() == Phase::answering)
      return generation_.switching() ? answer_.switch_report : answer_.answer_report;
    if (generation_.switching()) return answer_.thinking_switch_report;
    return generation_.switched_after() < 0 ? answer_.thinking_report : answer_.second_thinking_report;
  }

  void take_step() {
    writing_size_ = generation_.size();
    PhaseReport& report = report_of_next_step();
    const std::vector<BatchItem> items = generation_.next();
    const double own = family_.bytes_moved(std::span(items).first(1));
    count(items.front(), own, report);
    if (items.size() > 1) {
      if (answer_.shadow_reports.empty() || answer_.shadow_reports.back().size != name_of(items.back()))
        answer_.shadow_reports.emplace_back();
      count(items.back(), family_.bytes_moved(items) - own, answer_.shadow_reports.back());
    }
    Generation* one = &generation_;
    const Clock::time_point before = Clock::now();
    step(family_.engine, {&one, 1});
    const double taken = seconds(before, Clock::now());
    report.seconds += taken;
  }

  const std::string& name_of(const BatchItem& item) const { return family_.engine.name_of(item.sequence->size()); }

  void count(const BatchItem& item, double bytes, PhaseReport& report) const {
    if (report.size.empty()) report.size = name_of(item);
    report.bytes += bytes;
    report.tokens += int(item.tokens.size());  // of reading; what is written is counted at the end
    report.steps += 1;
  }

  void show_new() {
    writer_.write(Phase::thinking, writing_size_, generation_.thinking().subspan(shown_thinking_));
    shown_thinking_ = generation_.thinking().size();
    if (generation_.phase() == Phase::thinking) return;
    if (!std::exchange(thinking_shown_, true)) writer_.finish(Phase::thinking, writing_size_);
    writer_.write(Phase::answering, plan_.answer_size, generation_.answer().subspan(shown_answer_));
    shown_answer_ = generation_.answer().size();
  }

  Family::Impl& family_;
  const AskOptions& options_;
  Answer answer_;
  ResolvedPlan plan_;
  Generation generation_;
  Writer writer_;
  size_t writing_size_ = plan_.think_size;
  size_t shown_thinking_ = 0, shown_answer_ = 0;
  bool thinking_shown_ = false;
};

}  // namespace

Answer Session::ask(const std::vector<TokenId>& prompt, const AskOptions& options) {
  return Asking(family_.impl(), prompt, options).run();
}

}  // namespace starnest
