#include "cli/run_report.h"

#include <algorithm>
#include <vector>

#include "base/memory.h"
#include "base/text.h"

namespace starnest::cli {
namespace {

std::string label(std::string name) {
  name.resize(10, ' ');
  return name;
}

std::string line(const std::string& name, const std::string& text) { return label(name) + text + "\n"; }

std::string tokens_text(int n) { return grouped(uint64_t(n)) + (n == 1 ? " token" : " tokens"); }

std::string sizes_text(const Family& family) {
  std::vector<std::string> parts;
  for (const SizeInfo& size : family.sizes()) parts.push_back(size.name + " " + bytes_text(size.bytes));
  return join(parts, ", inside it ");
}

std::string context_text(const FamilyInfo& info, bool is_set) {
  std::string text = tokens_text(info.context);
  if (info.model_context && info.context < info.model_context)
    text += " of the " + grouped(uint64_t(info.model_context)) + " that the model allows";
  if (is_set && info.context > info.memory_context)
    text += "; only " + grouped(uint64_t(info.memory_context)) + " fit into the memory that is left";
  if (!is_set && info.context == info.memory_context && info.context != info.model_context)
    text += ", as memory allows";
  return text;
}

std::string sampling_text(const Sampling& s) {
  std::string text = s.temperature == 0 ? "greedy" : format_number("temperature %g", s.temperature);
  if (s.temperature > 0) {
    if (s.top_k) text += ", top-k " + std::to_string(s.top_k);
    if (s.top_p < 1) text += format_number(", top-p %g", s.top_p);
    if (s.min_p > 0) text += format_number(", min-p %g", s.min_p);
  }
  if (s.repetition_penalty != 1) text += format_number(", repetition penalty %g", s.repetition_penalty);
  if (s.presence_penalty != 0) text += format_number(", presence penalty %g", s.presence_penalty);
  if (s.frequency_penalty != 0) text += format_number(", frequency penalty %g", s.frequency_penalty);
  if (!s.logit_bias.empty()) text += ", bias on " + tokens_text(int(s.logit_bias.size()));
  return s.temperature == 0 ? text : text + ", seed " + std::to_string(s.seed);
}

// Who writes in which phase: of stages that do not care about phases, all think and the last one answers.
struct Writer {
  Phase phase;
  std::string size;
};
std::vector<Writer> writers_of(const RunSetup& setup) {
  const auto waits = [](const Stage& stage) { return stage.until.event == Until::Event::tag; };
  const auto tag = std::find_if(setup.stages.begin(), setup.stages.end(), waits);
  const bool has_tag = tag != setup.stages.end();
  const auto behind_thinking = has_tag ? tag + 1 : tag;
  const auto first_answer = has_tag ? tag + 1 : setup.thinks ? tag - 1 : setup.stages.begin();
  std::vector<Writer> writers;
  if (setup.thinks)
    for (auto stage = setup.stages.begin(); stage != behind_thinking; ++stage)
      writers.push_back({Phase::thinking, stage->size});
  for (auto stage = first_answer; stage != setup.stages.end(); ++stage)
    writers.push_back({Phase::answering, stage->size});
  return writers;
}

std::string plan_text(const RunSetup& setup) {
  std::vector<std::string> parts;
  for (const Writer& writer : writers_of(setup))
    parts.push_back(writer.size + (writer.phase == Phase::thinking ? " thinks" : " answers"));
  return join(parts, ", ");
}

// A size decodes no faster than its weights can be read once per token (unless they fit into a cache).
std::string expected_text(const Family& family, const RunSetup& setup) {
  constexpr uint64_t kEnough = uint64_t{1} << 30;
  if (available_memory() < kEnough) return "not measured: little memory is left";
  const double bandwidth = family.measure_bandwidth();
  std::vector<std::string> rates;
  for (const Writer& writer : writers_of(setup))
    rates.push_back(grouped(uint64_t(bandwidth / double(family.size(writer.size).decode_bytes))) + " tokens/s " +
                    name_of(writer.phase));
  return "at most " + join(rates, ", ") + format_number(": the weights of a token read at %.1f GB/s", bandwidth / 1e9);
}

// "(123 tokens/s, 4.5 GB/s)"
std::string rate_text(int tokens, const StageReport& report) {
  if (tokens == 0 || report.seconds <= 0) return "";
  const double rate = tokens / report.seconds;
  return " (" + (rate < 100 ? format_number("%.1f", rate) : grouped(uint64_t(rate))) + " tokens/s, " +
         format_number("%.1f GB/s)", report.bytes / report.seconds / 1e9);
}

std::string read_text(const StageReport& report) {
  return tokens_text(report.tokens) + " read by " + report.size + format_number(" in %.1f ms", report.seconds * 1e3) +
         rate_text(report.tokens, report);
}

// A line without its end. Who took over from nobody read the prompt.
std::string stage_text(const StageReport& report) {
  const std::string moved = bytes_text(uint64_t(report.bytes)) + " moved";
  switch (report.work) {
    case StageReport::Work::reading:
      if (!report.hand_over) return label("prompt") + read_text(report);
      return label("switch") + read_text(report) + ", " + moved + ", " + text_of(*report.hand_over);
    case StageReport::Work::along:
      return label("shadow") + tokens_text(report.tokens) + " read along by " + report.size + ", " + moved;
    case StageReport::Work::writing:
      return label(report.phase == Phase::thinking ? "thinking" : "answer") + tokens_text(report.tokens) + " by " +
             report.size + rate_text(report.steps, report);
  }
  return "";
}

std::string end_of(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::stop_token:
      return "";
    case AnswerEnd::stop_text:
      return ", ended at --stop";
    case AnswerEnd::max_tokens:
      return ", cut at max-tokens";
    case AnswerEnd::context:
      return ", cut at the end of the context";
    case AnswerEnd::cancelled:
      return ", interrupted";
  }
  return "";
}

}  // namespace

std::string start_text(const Family& family, const RunSetup& setup) {
  const FamilyInfo info = family.info();
  return line("model", setup.model + " (" + info.architecture + "): " + plan_text(setup)) +
         line("sizes", sizes_text(family) + "; " + bytes_text(family.resident_bytes()) + " resident") +
         line("types", "weights " + info.weight_dtype + ", keys and values " + info.kv_dtype) +
         line("kernels", std::string(Family::kernel_path()) + ", " + std::to_string(info.threads) +
                             (info.threads == 1 ? " thread" : " threads")) +
         line("context", context_text(info, setup.context_is_set)) + line("sampling", sampling_text(setup.sampling)) +
         line("expected", expected_text(family, setup));
}

std::string end_text(const Answer& answer, const Sampling& sampling) {
  using Work = StageReport::Work;
  const auto last = [&](auto is) {
    const auto found = std::find_if(answer.stages.rbegin(), answer.stages.rend(), is);
    return found == answer.stages.rend() ? nullptr : &*found;
  };
  const StageReport* last_written = last([](const StageReport& s) { return s.work == Work::writing; });
  const StageReport* last_thought =
      last([](const StageReport& s) { return s.work == Work::writing && s.phase == Phase::thinking; });
  std::string text;
  for (const StageReport& stage : answer.stages) {
    text += stage_text(stage);
    if (&stage == last_thought && answer.think_end != ThinkEnd::none)
      text += std::string(", end ") + name_of(answer.think_end);
    if (&stage == last_written) text += end_of(answer.end);
    text += "\n";
  }
  if (!last_written) text += label("answer") + tokens_text(0) + end_of(answer.end) + "\n";
  if (sampling.temperature > 0) text += line("seed", std::to_string(sampling.seed));
  return text;
}

}  // namespace starnest::cli
