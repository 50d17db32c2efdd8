#include "program.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

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

}  // namespace

Finished starnest_program(const std::vector<std::string>& arguments, const std::string& input) {
  return built_program("starnest", arguments, input);
}

Finished built_program(const std::string& name, const std::vector<std::string>& arguments, const std::string& input) {
  const TestFolder folder;
  const std::string in = folder / "in", out = folder / "out", err = folder / "err";
  put_file(in, input);
  std::string program = STARNEST_BINARY_DIR "/" + name;
  std::vector<std::string> words = arguments;
  std::vector<char*> argv{program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t child = ::fork();
  if (child == 0) {
    redirect(STDIN_FILENO, in.c_str(), O_RDONLY);
    redirect(STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return {};
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return {code, file_text(out), file_text(err)};
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put_file(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

fs::path in_tests(const std::string& path) { return fs::path(STARNEST_SOURCE_DIR) / "tests" / path; }

void copy_family(const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(in_tests("golden/mixed_bf16"))) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("golden_") && !name.starts_with("grads")) fs::copy_file(entry.path(), to / name);
  }
}

}  // namespace starnest
