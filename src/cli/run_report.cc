#include "cli/run_report.h"

#include <algorithm>
#include <vector>

#include "base/memory.h"
#include "base/text.h"

namespace starnest::cli {
namespace {

std::string line(std::string label, const std::string& text) {
  label.resize(10, ' ');
  return label + text + "\n";
}

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
  if (s.temperature == 0) return "greedy";
  std::string text = format_number("temperature %g", s.temperature);
  if (s.top_k) text += ", top-k " + std::to_string(s.top_k);
  if (s.top_p < 1) text += format_number(", top-p %g", s.top_p);
  if (s.min_p > 0) text += format_number(", min-p %g", s.min_p);
  return text + ", seed " + std::to_string(s.seed);
}

// A size decodes no faster than its weights can be read once per token (unless they fit into a cache).
std::string expected_text(const Family& family, const RunSetup& setup) {
  constexpr uint64_t kEnough = uint64_t{1} << 30;
  if (available_memory() < kEnough) return "not measured: little memory is left";
  const double bandwidth = family.measure_bandwidth();
  const auto rate = [&](const std::string& name) {
    const auto& sizes = family.sizes();
    const auto size = std::find_if(sizes.begin(), sizes.end(), [&](const SizeInfo& s) { return s.name == name; });
    return grouped(uint64_t(bandwidth / double(size->decode_bytes))) + " tokens/s ";
  };
  std::string text = "at most ";
  if (!setup.think_size.empty()) text += rate(setup.think_size) + "thinking, ";
  return text + rate(setup.answer_size) +
         format_number("answering: the weights of a token read at %.1f GB/s", bandwidth / 1e9);
}

// "(123 tokens/s, 4.5 GB/s)"
std::string rate_text(int tokens, const PhaseReport& report) {
  if (tokens == 0 || report.seconds <= 0) return "";
  const double rate = tokens / report.seconds;
  return " (" + (rate < 100 ? format_number("%.1f", rate) : grouped(uint64_t(rate))) + " tokens/s, " +
         format_number("%.1f GB/s)", report.bytes / report.seconds / 1e9);
}

std::string read_text(const PhaseReport& report) {
  return tokens_text(report.tokens) + " read by " + report.size + format_number(" in %.1f ms", report.seconds * 1e3) +
         rate_text(report.tokens, report);
}

std::string written_text(const PhaseReport& report) {
  return tokens_text(report.tokens) + " by " + report.size + rate_text(report.steps, report);
}

std::string switch_line(const PhaseReport& report, const std::string& hand_over) {
  if (report.steps == 0) return "";
  return line("switch", read_text(report) + ", " + bytes_text(uint64_t(report.bytes)) + " moved, " + hand_over);
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
  std::string plan = setup.answer_size + " answers";
  if (!setup.think_size.empty()) plan = setup.think_size + " thinks, " + plan;
  return line("model", setup.model + " (" + info.architecture + "): " + plan) +
         line("sizes", sizes_text(family) + "; " + bytes_text(family.resident_bytes()) + " resident") +
         line("types", "weights " + info.weight_dtype + ", keys and values " + info.kv_dtype) +
         line("kernels",
              info.kernel_path + ", " + std::to_string(info.threads) + (info.threads == 1 ? " thread" : " threads")) +
         line("context", context_text(info, setup.context_is_set)) + line("sampling", sampling_text(setup.sampling)) +
         line("expected", expected_text(family, setup));
}

std::string end_text(const Answer& answer, const Sampling& sampling) {
  const auto end = [&](Phase phase) {
    const bool thinking = answer.think_end == ThinkEnd::none && answer.thinking_report.tokens > 0;
    return (phase == Phase::thinking) == thinking ? end_of(answer.end) : "";
  };
  std::string text;
  if (answer.prompt_report.steps) text += line("prompt", read_text(answer.prompt_report));
  if (answer.think_end != ThinkEnd::none || answer.thinking_report.tokens > 0) {
    const std::string how = answer.think_end == ThinkEnd::none ? "" : std::string(", end ") + name_of(answer.think_end);
    const bool twice = answer.switched_after >= 0;
    text += line("thinking", written_text(answer.thinking_report) + (twice ? "" : how + end(Phase::thinking)));
    if (twice) {
      text += switch_line(answer.thinking_switch_report, answer.thinking_hand_over);
      text += line("thinking", written_text(answer.second_thinking_report) + how + end(Phase::thinking));
    }
  }
  for (const PhaseReport& shadow : answer.shadow_reports)
    text += line("shadow", tokens_text(shadow.tokens) + " read along by " + shadow.size + ", " +
                               bytes_text(uint64_t(shadow.bytes)) + " moved");
  text += switch_line(answer.switch_report, answer.hand_over);
  text += line("answer", written_text(answer.answer_report) + end(Phase::answering));
  if (sampling.temperature > 0) text += line("seed", std::to_string(sampling.seed));
  return text;
}

}  // namespace starnest::cli
