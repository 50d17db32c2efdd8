// Another program as a process that can be waited for.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace starnest {

// Killed, if it still runs, when this goes. Not thread-safe.
class ChildProcess {
 public:
  struct Place {
    std::filesystem::path output = "/dev/null";           // file that gets what it prints; replaced
    std::map<std::string, std::string> environment = {};  // added to that of this process
    bool dies_with_parent = false;  // SIGTERM when the thread that started it ends, also when that is killed
  };

  // `words`: the program, as execv wants it, and its arguments. A program that cannot be started exits with 127.
  ChildProcess(std::vector<std::string> words, const Place& place);
  ~ChildProcess() { kill(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void ask_to_end() const;  // SIGTERM
  void kill();              // and waits

  // Its exit code (-1 after a signal), or nothing when it still runs after `limit`.
  std::optional<int> exit_code_within(std::chrono::milliseconds limit);

 private:
  pid_t process_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

std::filesystem::path this_program();  // the file that this process runs

}  // namespace starnest
