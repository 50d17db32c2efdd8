#include "program/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "program/interrupt.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kWrongUsage = 2 };

int report(const CLI::App& app, int code, const std::string& message) {
  print(stderr, "%s: error: %s\n", app.get_name().c_str(), message.c_str());
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

// "pretrain.stepz" of a file of settings, which CLI11 names at the end of its message. "section.++" opens a section.
std::string explain_setting(const CLI::App& app, const std::string& key) {
  const size_t dot = key.find('.');
  const std::string section = key.substr(0, dot), name = dot == std::string::npos ? "" : key.substr(dot + 1);
  const auto found = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == section; });
  const std::string where = "the file of --config: ";
  if (found.empty() || name.empty())
    return where + "there is no section [" + section + "]. " + suggest(section, command_names(app)) + ".";
  return where + "[" + section + "] has no setting " + in_quotes(name) + ". " +
         suggest("--" + name, option_names(*found.front())) + ".";
}

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::string message = error.what();
  if (const std::string start = "INI was not able to parse "; message.starts_with(start))
    return explain_setting(app, message.substr(start.size()));
  const auto chosen = app.get_subcommands();
  const bool before_command = !chosen.empty() && !app.get_fallthrough() && !app.remaining().empty();
  const CLI::App& command = chosen.empty() || before_command ? app : *chosen.front();
  const std::string name = &command == &app ? app.get_name() : app.get_name() + " " + command.get_name();
  const std::string help = "Try '" + name + " --help'";
  std::vector<std::string> known = option_names(command);
  if (app.get_fallthrough() && &command != &app)
    for (std::string& option : option_names(app)) known.push_back(std::move(option));
  std::vector<std::string> unknown = command.remaining();
  if (unknown.empty()) unknown = app.remaining();  // where commands fall through, in reverse
  std::stable_partition(unknown.begin(), unknown.end(), [](const std::string& word) { return word.starts_with("-"); });
  for (std::string word : unknown) {
    if (!word.starts_with("-")) return name + ": unexpected argument " + in_quotes(word) + ". " + help + ".";
    word = word.substr(0, word.find('='));
    return name + ": unknown option " + in_quotes(word) + ". " + suggest(word, known) + ". " + help + ".";
  }
  return name + ": " + message + ". " + help + ".";
}

// A standard stream that the caller has closed would be the next file that is opened. Its place is taken by something
// that cannot be read or written, so that who needs it gets an error.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    ::open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_WRONLY);  // gets the lowest free number
  }
}

// A reader that has gone and a file that may not grow are errors of the write, not the end of the program.
void let_writes_fail() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
}

// File systems over a network say only at the close that a disk was full.
bool closes(int stream) {
  const int copy = ::dup(stream);
  return copy < 0 || ::close(copy) == 0;
}

// Of a command that went well: what it printed must have arrived, and what it read must have been readable.
int check_streams(const CLI::App& app) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) || !std::cout || !closes(STDOUT_FILENO))
    return report(app, kFailed, "standard output: cannot be written: the disk is full, or who reads it has gone.");
  if (std::ferror(stdin)) return report(app, kFailed, "standard input: cannot be read.");
  return kDone;
}

int run_command(CLI::App& app, int argc, char** argv) {
  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return kWrongUsage;
  }
  if (const std::string name = unknown_command(app, argc, argv); !name.empty())
    return report(app, kWrongUsage,
                  "there is no command " + in_quotes(name) + ". " + suggest(name, command_names(app)) + ".");
  try {
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::RuntimeError& e) {  // a command that has said all there is to say
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help and --version
    return report(app, kWrongUsage, explain(app, e));
  } catch (const InterruptedError& e) {
    return report(app, Interrupt::exit_code(), e.what());
  } catch (const Error& e) {
    return report(app, kFailed, e.what());
  } catch (const std::bad_alloc&) {
    return report(app, kFailed,
                  "out of memory: the system gives no more. Take a smaller size, a shorter context or a smaller batch, "
                  "or end other programs.");
  } catch (const std::exception& e) {
    return report(app, kFailed, e.what());
  }
}

}  // namespace

int run_program(CLI::App& app, int argc, char** argv) {
  occupy_closed_streams();
  let_writes_fail();
  const int code = run_command(app, argc, argv);
  return code == kDone ? check_streams(app) : code;
}

}  // namespace starnest
