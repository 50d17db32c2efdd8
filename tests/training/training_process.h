// For tests: starnest-train as a process that can be waited for and killed.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>

namespace starnest {

// Kills the process, if it still runs, when it goes.
class TrainingProcess {
 public:
  // The arguments of starnest-train. Output goes to the file `output`, or nowhere.
  TrainingProcess(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {},
                  const std::filesystem::path& output = "/dev/null") {
    std::vector<std::string> words{STARNEST_BINARY_DIR "/starnest-train"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    process_ = ::fork();
    if (process_ != 0) return;
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~TrainingProcess() { kill(); }
  TrainingProcess(const TrainingProcess&) = delete;
  TrainingProcess& operator=(const TrainingProcess&) = delete;

  void kill() {
    if (ended_) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, &status_, 0);
    ended_ = true;
  }

  // Its exit code (-1 after a signal), or nothing when it still runs after `limit`.
  std::optional<int> exit_code_within(std::chrono::milliseconds limit) {
    const auto start = std::chrono::steady_clock::now();
    while (!ended_ && ::waitpid(process_, &status_, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() - start > limit) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ended_ = true;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }

 private:
  pid_t process_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

// Flags of a parent that trains in seconds.
inline std::vector<std::string> tiny_parent(const std::filesystem::path& out, int steps) {
  return {"pretrain",
          "--out",
          out.string(),
          "--steps",
          std::to_string(steps),
          "--checkpoint-every",
          "3",
          "--dev-every",
          "0",
          "--dev-problems",
          "20",
          "--model-hidden",
          "32",
          "--model-mamba-heads",
          "2",
          "--model-mamba-head-dim",
          "16",
          "--model-ssm-state",
          "8",
          "--model-query-heads",
          "2",
          "--model-kv-heads",
          "1",
          "--model-experts",
          "4",
          "--model-expert-ffn",
          "32",
          "--model-shared-ffn",
          "32",
          "--batch-rows",
          "8",
          "--batch-group",
          "2"};
}

}  // namespace starnest
