#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/chat_talk.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/line_input.h"
#include "cli/plan_options.h"
#include "cli/text_printer.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

constexpr const char* kChatExamples = R"(Examples:
  starnest chat -m models/nano --think-size 12b --answer-size 30b --think-budget 500
  printf 'r:a5b+3?\nr:a5b*3?\n' | starnest chat -m models/pocket
Ctrl-C stops the answer that is being written; Ctrl-D ends the chat.)";

constexpr const char* kHelp = R"(/size NAME      one size for thinking and answer
/think NAME     the size that thinks
/answer NAME    the size that answers
/budget N       thinking tokens; 0 = none, -1 = no limit
/reset          forget what was said
/help           this
Ctrl-C stops an answer, Ctrl-D ends.
)";

struct ChatCommand {
  ModelOptions model;
  std::string system;
  ChatOptions chat;
  std::string effort = "e2";
  bool quiet = false;
  int threads = 0;
  int context = 0;
  uint64_t cache_mib = 1024;
  PlanOptions plan;
};

class Chat {
 public:
  Chat(const ChatCommand& options, Family family)
      : options_(options),
        family_(std::move(family)),
        session_(family_),
        talk_(family_, options.chat, options.system),
        plan_(options.plan.resolved(family_)),
        sampling_(options.plan.sampling(family_.default_sampling(), PlanOptions::Seed::random)) {
    family_.check(sampling_);
    family_.require_prompt_format();
    if (!family_.remembers()) refuse_memory(options);
  }

  void run() {
    if (input_.interactive()) greet();
    while (const auto line = input_.next("> ")) {
      if (line->empty()) continue;
      try {
        line->front() == '/' ? obey(*line) : ask(*line);
      } catch (const Error& error) {
        if (!input_.interactive()) throw;
        print(stderr, "%s\n", error.what());  // a mistake does not end the conversation
      }
    }
    if (input_.interactive()) std::fputs("\n", stdout);
  }

 private:
  // Of a model that takes every question alone.
  static void refuse_memory(const ChatCommand& options) {
    const auto refuse = [](bool given, const char* flag) {
      if (given) throw Error(flag, "means nothing to a model that takes every question alone");
    };
    refuse(!options.system.empty(), "--system");
    refuse(options.chat.keep_thinking, "--keep-thinking");
  }

  void greet() const {
    std::vector<std::string> names;
    for (const SizeInfo& size : family_.sizes()) names.push_back(size.name);
    print(stderr, "%s: sizes %s. /help says more.%s\n", options_.model.model.c_str(), join(names, ", ").c_str(),
          family_.remembers() ? "" : " This model takes every question alone.");
  }

  void obey(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string name = line.substr(0, space), value = space == std::string::npos ? "" : line.substr(space + 1);
    const std::vector<std::string> known{"/size", "/think", "/answer", "/budget", "/reset", "/help"};
    if (name == "/help") return void(std::fputs(kHelp, stderr));
    if (name == "/reset") return talk_.reset();
    if (name == "/budget") {
      const auto tokens = whole_number<int>(value);
      if (!tokens) throw Error({.where = "/budget", .what = "needs a number of tokens", .got = in_quotes(value)});
      plan_.think_budget = *tokens;
      return;
    }
    if (name != "/size" && name != "/think" && name != "/answer")
      throw Error({.where = name, .what = "is no command", .hint = suggest(name, known)});
    const std::string size = family_.size(value).name;  // throws where there is none
    if (plan_.stages.empty()) plan_.stages = family_.default_plan().stages;
    plan_.stages = think_and_answer(name == "/answer" ? plan_.stages.front().size : size,
                                    name == "/think" ? plan_.stages.back().size : size);
  }

  void ask(const std::string& said) {
    const Interrupt interrupt;  // of this answer only
    TextPrinter printer({.names = !options_.quiet, .rate = input_.interactive()});
    AskOptions ask{.plan = plan_, .sampling = sampling_, .on_text = std::ref(printer), .cancelled = [] {
                     return Interrupt::requested();
                   }};
    const Answer answer = session_.ask(talk_.prompt(said), ask);
    printer.finish();
    talk_.heard(said, answer);
    sampling_.seed += 1;  // the next answer is drawn anew
    if (!options_.quiet) report(answer), print_new(answer.notices);
    const bool by_user = input_.interactive() && Interrupt::exit_code() == 128 + SIGINT;
    if (answer.end == AnswerEnd::cancelled && !by_user) throw CLI::RuntimeError(Interrupt::exit_code());
  }

  void print_new(const std::vector<std::string>& notices) {
    for (const std::string& notice : notices)
      if (told_.insert(notice).second) print_notices({notice});
  }

  static void report(const Answer& answer) {
    using Work = StageReport::Work;
    int read = 0, steps = 0;
    double seconds = 0;
    std::string switches;
    for (const StageReport& stage : answer.stages) {
      if (stage.work == Work::writing) steps += stage.steps, seconds += stage.seconds;
      if (stage.work != Work::reading) continue;
      if (stage.hand_over)
        switches += format_number("; switch %.1f ms, ", 1e3 * stage.seconds) + text_of(*stage.hand_over);
      else
        read += stage.tokens;
    }
    std::string text = "[" + std::to_string(answer.reused_tokens) + " reused / " + std::to_string(read) + " read; " +
                       std::to_string(answer.tokens_written(Phase::thinking)) + " thought, " +
                       std::to_string(answer.tokens_written(Phase::answering)) + " answered";
    if (steps > 0 && seconds > 0) text += ", " + grouped(uint64_t(steps / seconds)) + " tokens/s";
    print(stderr, "%s%s]\n", (text + switches).c_str(), answer.end == AnswerEnd::cancelled ? "; stopped" : "");
  }

  const ChatCommand& options_;
  Family family_;
  Session session_;
  ChatTalk talk_;
  Plan plan_;
  Sampling sampling_;
  LineInput input_;
  std::set<std::string> told_;  // notices
};

void run(const ChatCommand& options) {
  ProgressBar bar("loading");
  const Family family = Family::open(options.model.model, {.elastic = options.model.elastic,
                                                           .threads = options.threads,
                                                           .sizes = options.plan.sizes_given(),
                                                           .context = options.context,
                                                           .device = options.model.device,
                                                           .cache_bytes = options.cache_mib << 20,
                                                           .progress = [&](uint64_t done, uint64_t total) {
                                                             if (!options.quiet) bar.update(done, total);
                                                           }});
  if (!options.quiet) print_notices(family.notices());
  Chat(options, family).run();
}

}  // namespace

void add_chat(CLI::App& app) {
  const auto options = std::make_shared<ChatCommand>();
  CLI::App* command = app.add_subcommand("chat", "Talk; thinking and who writes are visible");
  command->footer(kChatExamples);
  add_model_options(*command, options->model);
  add_device_option(*command, options->model);
  command->add_option("--system", options->system, "what the conversation begins with");
  command->add_flag("--keep-thinking", options->chat.keep_thinking, "earlier thinking stays in the text");
  command->add_option("--effort", options->effort, "models of reasoning tasks: e0, e1 or e2")->capture_default_str();
  command->add_flag("!--no-think", options->chat.think, "answer without thinking");
  options->plan.add_to(*command, {{"max-tokens", "-n"}, {"seed", "-s"}});
  command->add_option("-c,--ctx-size", options->context, "tokens of the whole conversation; 0 = what the model allows")
      ->capture_default_str();
  command->add_option("--cache-ram", options->cache_mib, "MiB for what earlier turns have read")->capture_default_str();
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "nothing on standard error but errors");
  command->callback([options] {
    options->chat.arguments["effort"] = options->effort;
    run(*options);
  });
}

}  // namespace starnest::cli
