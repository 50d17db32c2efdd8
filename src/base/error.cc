#include "starnest/error.h"

#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace starnest {
namespace {

std::string render(const ErrorParts& p) {
  std::string text = p.where.empty() ? p.what : p.where + ": " + p.what;
  if (!p.expected.empty()) text += "; expected " + p.expected;
  if (!p.got.empty()) text += (p.expected.empty() ? "; got " : ", got ") + p.got;
  text += ".";
  if (!p.hint.empty()) text += " " + p.hint + ".";
  return text;
}

}  // namespace

Error::Error(ErrorParts parts) : std::runtime_error(render(parts)), parts_(std::move(parts)) {}

void check_failed(const char* condition, const char* message, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal error: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace starnest
