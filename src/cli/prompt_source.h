// Where `run` takes its prompt from: -p TEXT, -f FILE, or standard input.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace starnest::cli {

struct PromptSource {
  std::string text;
  std::string file;  // "-" is standard input
  CLI::Option* text_option = nullptr;
  CLI::Option* file_option = nullptr;

  void add_to(CLI::App& app);

  // Text of -p as it stands; of a file or a pipe without its final line break, which editors and echo put there.
  // Throws Error for a prompt that is empty, not UTF-8 (naming the byte offset) or longer than 64 MiB, and
  // CLI::RequiredError when nothing is given and standard input is a terminal.
  std::string read() const;
};

}  // namespace starnest::cli
