// Runs the built programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {

struct Finished {
  int exit_code = -1;  // 128 + signal for a program that a signal ended
  std::string out;
  std::string err;
};

// Waits for the end. The program reads `input` from standard input.
Finished starnest_program(const std::vector<std::string>& arguments, const std::string& input = {});
Finished built_program(const std::string& name, const std::vector<std::string>& arguments,
                       const std::string& input = {});  // another one of the build
// A command of the shell, where "$@" is the program with these arguments: for redirections.
Finished starnest_in_shell(const std::string& command, const std::vector<std::string>& arguments);
// With a terminal for standard input, on which nobody types.
Finished starnest_program_on_terminal(const std::vector<std::string>& arguments);

// The program while it runs. What it writes waits in a pipe of 4 KiB until it is read.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& arguments);
  ~RunningProgram();  // ends it
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void wait_for_output(size_t bytes) const;  // until as many wait to be read, or ten seconds
  void send(int signal) const;
  bool has_ended();
  Finished finish();  // reads to the end

 private:
  TestFolder folder_;
  int out_ = -1;
  int status_ = 0;
  int process_ = -1;
  bool ended_ = false;
};

inline const std::string kPocket = STARNEST_SOURCE_DIR "/models/pocket";
inline const std::string kStoryteller = STARNEST_SOURCE_DIR "/models/storyteller";

std::filesystem::path in_tests(const std::string& path);  // a path inside tests/

// A copy of tests/golden/mixed_bf16, which has two shards and the sizes full, mid and small.
void copy_family(const std::filesystem::path& to);

}  // namespace starnest
