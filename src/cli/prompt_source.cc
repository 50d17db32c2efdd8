#include "cli/prompt_source.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/lines.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr uint64_t kMostBytes = uint64_t{64} << 20;

// To the end, pipes included, without the final line break.
std::string read_all(LineReader lines) {
  std::string text = read_lines(std::move(lines), kMostBytes);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string read_standard_input() {
  if (::isatty(STDIN_FILENO)) std::fputs("Type the prompt, then Ctrl-D on a line of its own.\n", stderr);
  return read_all(LineReader::standard_input());
}

}  // namespace

void PromptSource::add_to(CLI::App& app) {
  text_option = app.add_option("-p,--prompt", text, "the question")->type_name("TEXT");
  file_option = app.add_option("-f,--file", file,
                               "read the question from a file, without its final line break; '-' is standard input, "
                               "which is also read when it is a pipe and no question is given")
                    ->type_name("FILE")
                    ->excludes(text_option);
}

std::string PromptSource::read() const {
  const bool from_stdin = text_option->empty() && (file_option->empty() || file == "-");
  if (from_stdin && file_option->empty() && ::isatty(STDIN_FILENO))
    throw CLI::RequiredError("-p, -f, --ids or a pipe on standard input");
  const std::string prompt = from_stdin             ? read_standard_input()
                             : text_option->empty() ? read_all(LineReader(file))
                                                    : text;
  const std::string where = from_stdin             ? "prompt (standard input)"
                            : text_option->empty() ? "prompt (" + file + ")"
                                                   : "prompt";
  if (prompt.empty()) throw Error(where, "is empty");
  if (const size_t valid = valid_utf8_prefix(prompt); valid != prompt.size())
    throw Error(where, "is not valid UTF-8 at byte " + std::to_string(valid));
  return prompt;
}

}  // namespace starnest::cli
