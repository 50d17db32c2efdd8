#include "program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace starnest {
namespace {

namespace fs = std::filesystem;

// In the child between fork and exec: only calls that are safe there.
void redirect(int target, const char* path, int flags) {
  const int file = ::open(path, flags, 0600);
  if (file < 0 || ::dup2(file, target) < 0) ::_exit(127);
  ::close(file);
}

std::string in_build(const std::string& name) { return name.starts_with("/") ? name : STARNEST_BINARY_DIR "/" + name; }

// Starts a program, of the build unless it is named by its path, on three paths.
pid_t start(const std::string& name, const std::vector<std::string>& arguments, const std::string& in,
            const std::string& out, const std::string& err) {
  std::string program = in_build(name);
  std::vector<std::string> words = arguments;
  std::vector<char*> argv{program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t child = ::fork();
  if (child != 0) return child;
  redirect(STDIN_FILENO, in.c_str(), O_RDONLY | O_NOCTTY);
  redirect(STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  redirect(STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

Finished run_with(const std::string& name, const std::vector<std::string>& arguments, const std::string& in) {
  const TestFolder folder;
  const std::string out = folder / "out", err = folder / "err";
  const pid_t child = start(name, arguments, in, out, err);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return {};
  return {code_of(status), file_text(out), file_text(err)};
}

}  // namespace

Finished starnest_program(const std::vector<std::string>& arguments, const std::string& input) {
  return built_program("starnest", arguments, input);
}

Finished built_program(const std::string& name, const std::vector<std::string>& arguments, const std::string& input) {
  const TestFolder folder;
  put_file(folder / "in", input);
  return run_with(name, arguments, folder / "in");
}

Finished starnest_in_shell(const std::string& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"-c", command, "sh", in_build("starnest")};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return built_program("/bin/sh", words);
}

Finished starnest_program_on_terminal(const std::vector<std::string>& arguments) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  char name[64];
  if (terminal < 0 || ::grantpt(terminal) || ::unlockpt(terminal) || ::ptsname_r(terminal, name, sizeof name))
    return {};
  const Finished finished = run_with("starnest", arguments, name);
  ::close(terminal);
  return finished;
}

RunningProgram::RunningProgram(const std::vector<std::string>& arguments) {
  const std::string out = folder_ / "out";
  ::mkfifo(out.c_str(), 0600);
  out_ = ::open(out.c_str(), O_RDONLY | O_NONBLOCK);
  ::fcntl(out_, F_SETPIPE_SZ, 4096);
  ::fcntl(out_, F_SETFL, 0);
  process_ = start("starnest", arguments, "/dev/null", out, folder_ / "err");
}

RunningProgram::~RunningProgram() {
  if (!ended_ && process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, &status_, 0);
  }
  ::close(out_);
}

void RunningProgram::wait_for_output(size_t bytes) const {
  for (int i = 0, waiting = 0; i < 10000; ++i) {
    if (::ioctl(out_, FIONREAD, &waiting) == 0 && size_t(waiting) >= bytes) return;
    ::usleep(1000);
  }
}

void RunningProgram::send(int signal) const { ::kill(process_, signal); }

bool RunningProgram::has_ended() {
  if (!ended_) ended_ = ::waitpid(process_, &status_, WNOHANG) == process_;
  return ended_;
}

Finished RunningProgram::finish() {
  std::string out;
  char part[4096];
  for (ssize_t n; (n = ::read(out_, part, sizeof part)) > 0;) out.append(part, size_t(n));
  if (!ended_) ended_ = ::waitpid(process_, &status_, 0) == process_;
  return {code_of(status_), out, file_text(folder_ / "err")};
}

fs::path in_tests(const std::string& path) { return fs::path(STARNEST_SOURCE_DIR) / "tests" / path; }

void copy_family(const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(in_tests("golden/mixed_bf16"))) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("golden_") && !name.starts_with("grads")) fs::copy_file(entry.path(), to / name);
  }
}

}  // namespace starnest
