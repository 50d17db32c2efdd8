// For tests: starnest-train as a process, and runs that end in seconds.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/child_process.h"

namespace starnest {

class TrainingProcess : public ChildProcess {
 public:
  // The arguments of starnest-train. Output goes to the file `output`, or nowhere.
  TrainingProcess(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {},
                  const std::filesystem::path& output = "/dev/null")
      : ChildProcess(words(arguments), {.output = output, .environment = environment}) {}

 private:
  static std::vector<std::string> words(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{STARNEST_BINARY_DIR "/starnest-train"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
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
