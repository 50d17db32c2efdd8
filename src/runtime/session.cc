#include "starnest/session.h"

#include <chrono>

#include "runtime/family_impl.h"

namespace starnest {
namespace {

using Clock = std::chrono::steady_clock;
double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Turns new output ids into pieces of text, phase by phase. The closing tag and other special tokens are not shown.
class Writer {
 public:
  Writer(const Family::Impl& family, const std::function<void(const TextPiece&)>& on_text, Answer& answer)
      : family_(family), on_text_(on_text), answer_(answer) {
    if (family.tokenizer) decoder_.emplace(*family.tokenizer, /*skip_special=*/true);
  }

  void write(Phase phase, size_t size, std::span<const TokenId> ids) {
    if (!decoder_) return;
    for (const TokenId id : ids) show(phase, size, decoder_->push(id));
  }
  void finish(Phase phase, size_t size) {
    if (decoder_) show(phase, size, decoder_->finish());
  }

 private:
  void show(Phase phase, size_t size, const std::string& text) {
    if (text.empty()) return;
    (phase == Phase::thinking ? answer_.thinking : answer_.answer) += text;
    if (on_text_) on_text_({phase, family_.engine.sizes()[size].name, text});
  }

  const Family::Impl& family_;
  const std::function<void(const TextPiece&)>& on_text_;
  Answer& answer_;
  std::optional<StreamDecoder> decoder_;
};

}  // namespace

Answer Session::ask(const std::vector<TokenId>& prompt, const Plan& plan, const Sampling& sampling,
                    const std::function<void(const TextPiece&)>& on_text) {
  Family::Impl& family = family_.impl();
  const ResolvedPlan resolved = resolve(plan, family.engine, family.rules, family.spec.default_plan);
  Generation generation(family.engine, family.rules, prompt, resolved, sampling);
  Answer answer;
  answer.prompt_tokens = int(prompt.size());
  Writer writer(family, on_text, answer);

  const Clock::time_point start = Clock::now();
  Clock::time_point answer_start = start, first{};
  size_t shown_thinking = 0, shown_answer = 0;
  const auto show_new = [&] {
    writer.write(Phase::thinking, resolved.think_size, generation.thinking().subspan(shown_thinking));
    shown_thinking = generation.thinking().size();
    if (generation.phase() == Phase::thinking) return;
    if (shown_answer == 0) writer.finish(Phase::thinking, resolved.think_size);
    writer.write(Phase::answering, resolved.answer_size, generation.answer().subspan(shown_answer));
    shown_answer = generation.answer().size();
  };
  show_new();  // a budget of 0 closes thinking before the first token is read
  while (!generation.done()) {
    const Phase phase = generation.phase();
    const bool switching = generation.switching();
    const Clock::time_point before = Clock::now();
    Generation* one = &generation;
    step(family.engine, {&one, 1});
    const Clock::time_point after = Clock::now();
    if (first == Clock::time_point{} && generation.started()) first = after;
    if (switching) answer.switch_seconds += seconds(before, after);
    if (phase == Phase::thinking && generation.phase() == Phase::answering) answer_start = after;
    show_new();
  }
  writer.finish(Phase::answering, resolved.answer_size);

  const Clock::time_point end = Clock::now();
  answer.ids.assign(generation.output().begin(), generation.output().end());
  answer.think_end = generation.think_end();
  answer.complete = generation.complete();
  answer.seconds_to_first_token = seconds(start, first);
  const auto name = [&](size_t size) { return family.engine.sizes()[size].name; };
  answer.thinking_report = {name(resolved.think_size), int(generation.thinking().size()), seconds(start, answer_start)};
  answer.answer_report = {name(resolved.answer_size), int(generation.answer().size()), seconds(answer_start, end)};
  return answer;
}

}  // namespace starnest
