#include "base/child_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "starnest/error.h"

namespace starnest {
namespace {

// That of this process as NAME=VALUE, with `added` in place of what has the same name.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> variables;
  for (char** variable = ::environ; *variable; ++variable) {
    const std::string text = *variable;
    if (!added.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : added) variables.push_back(std::string(name).append("=").append(value));
  return variables;
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> words, const Place& place) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Complete before the fork: after it, memory may only be read (another thread may have held the allocator's lock).
  std::vector<std::string> variables = environment_with(place.environment);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  process_ = ::fork();
  if (process_ < 0) throw Error(words.front(), "cannot be started: the system has no more processes");
  if (process_ != 0) return;
  if (place.dies_with_parent) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int file = ::open(place.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) ::_exit(127);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

void ChildProcess::ask_to_end() const {
  if (!ended_) ::kill(process_, SIGTERM);
}

void ChildProcess::kill() {
  if (ended_) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, &status_, 0);
  ended_ = true;
}

std::optional<int> ChildProcess::exit_code_within(std::chrono::milliseconds limit) {
  const auto start = std::chrono::steady_clock::now();
  pid_t found = 0;
  while (!ended_ && (found = ::waitpid(process_, &status_, WNOHANG)) == 0) {
    if (std::chrono::steady_clock::now() - start > limit) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ended_ = true;
  if (found < 0) return -1;  // somebody else has waited for it
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

std::filesystem::path this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

}  // namespace starnest
