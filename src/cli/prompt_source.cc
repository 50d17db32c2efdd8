#include "cli/prompt_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;

struct Closing {
  int fd;
  ~Closing() {
    if (fd > STDIN_FILENO) ::close(fd);
  }
};

// To the end, pipes included: their length is not known before.
std::string read_all(int fd, const std::string& where) {
  std::string text;
  char part[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, part, sizeof part);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(where, std::string("cannot be read (") + std::strerror(errno) + ")");
    text.append(part, size_t(n));
    if (text.size() > kMostBytes)
      throw Error(
          {.where = where, .what = "is too long for a prompt", .expected = "at most " + bytes_text(kMostBytes)});
  }
}

std::string without_final_line_break(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string read_standard_input() {
  if (::isatty(STDIN_FILENO)) std::fputs("Type the prompt, then Ctrl-D on a line of its own.\n", stderr);
  return without_final_line_break(read_all(STDIN_FILENO, "standard input"));
}

std::string read_file(const std::string& file) {
  const Closing opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (opened.fd < 0) throw Error(file, std::string("cannot open (") + std::strerror(errno) + ")");
  return without_final_line_break(read_all(opened.fd, file));
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
  const std::string prompt = from_stdin ? read_standard_input() : text_option->empty() ? read_file(file) : text;
  const std::string where = from_stdin             ? "prompt (standard input)"
                            : text_option->empty() ? "prompt (" + file + ")"
                                                   : "prompt";
  if (prompt.empty()) throw Error(where, "is empty");
  if (const size_t valid = valid_utf8_prefix(prompt); valid != prompt.size())
    throw Error(where, "is not valid UTF-8 at byte " + std::to_string(valid));
  return prompt;
}

}  // namespace starnest::cli
