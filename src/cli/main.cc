// `starnest`: reads the command line, runs one subcommand, and turns failures into a message and an exit code:
// 0 done, 1 failed, 2 wrong usage. The one place of the program where Error is caught.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "core/base/text.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kWrongUsage = 2 };

int report(ExitCode code, const std::string& message) {
  std::fprintf(stderr, "starnest: error: %s\n", message.c_str());
  return code;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// A first word that is no subcommand, or nothing.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]).starts_with("-")) return {};
  const auto names = command_names(app);
  return std::find(names.begin(), names.end(), argv[1]) == names.end() ? argv[1] : std::string();
}

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "starnest" : "starnest " + command.get_name();
  const std::string help = "Try '" + name + " --help'";
  for (std::string word : command.remaining()) {
    if (!word.starts_with("-")) return name + ": unexpected argument " + in_quotes(word) + ". " + help + ".";
    word = word.substr(0, word.find('='));
    return name + ": unknown option " + in_quotes(word) + ". " + suggest(word, option_names(command)) + ". " + help +
           ".";
  }
  return name + ": " + error.what() + ". " + help + ".";
}

int run(int argc, char** argv) {
  CLI::App app{"One checkpoint, every size: opens, cuts and runs elastic language models.", "starnest"};
  app.set_version_flag("--version", "starnest " STARNEST_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  starnest run -m models/pocket -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large\n"
      "  starnest inspect -m models/pocket\n"
      "  starnest slice -m models/pocket --size small -o /tmp/small\n"
      "'starnest COMMAND --help' says more about a command.");
  add_inspect(app);
  add_slice(app);
  add_run(app);
  add_eval(app);
  add_logits(app);
  add_tokenize(app);

  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return kWrongUsage;
  }
  if (const std::string name = unknown_command(app, argc, argv); !name.empty())
    return report(kWrongUsage,
                  "there is no command " + in_quotes(name) + ". " + suggest(name, command_names(app)) + ".");
  try {
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help and --version
    return report(kWrongUsage, explain(app, e));
  } catch (const Error& e) {
    return report(kFailed, e.what());
  } catch (const std::exception& e) {  // out of memory and the like
    return report(kFailed, e.what());
  }
}

}  // namespace
}  // namespace starnest::cli

int main(int argc, char** argv) { return starnest::cli::run(argc, argv); }
