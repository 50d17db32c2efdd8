#include "format/text/regex.h"

#include <array>
#include <new>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/utf8.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kJitStackStart = 32 * 1024, kJitStackMax = 16 * 1024 * 1024;  // reserved, used only when needed

std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

template <auto function>
struct Calls {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
template <class T, auto function>
using Owned = std::unique_ptr<T, Calls<function>>;

// What one call of find_all needs, and no other thread may touch.
struct Workspace {
  explicit Workspace(const pcre2_code* code)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)) {
    if (!data || !context) throw std::bad_alloc();
    if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
  Owned<pcre2_match_data, pcre2_match_data_free> data;
  Owned<pcre2_match_context, pcre2_match_context_free> context;
  Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack;
};

pcre2_code* compile(std::string_view pattern, uint32_t options, const std::string& where) {
  const Owned<pcre2_compile_context, pcre2_compile_context_free> context(pcre2_compile_context_create(nullptr));
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(units(pattern), pattern.size(), options, &code, &offset, context.get());
  if (!compiled) {
    throw Error({.where = where,
                 .what = "the pattern cannot be used, from its byte " + std::to_string(offset) + " on (" +
                         error_text(code) + ")",
                 .got = std::string(pattern)});
  }
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // a failure only means that matching is slower
  return compiled;
}

}  // namespace

Regex::Regex(std::string_view pattern, Syntax syntax, std::string where) : where_(std::move(where)) {
  // Oniguruma's Ruby syntax lets ^ and $ match at every line. PCRE2_LITERAL goes with few other options.
  const bool literal = syntax == Syntax::literal;
  const uint32_t options = literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE;
  pcre2_code* code = compile(literal ? std::string(pattern) : pcre2_from_oniguruma(pattern, where_), options, where_);
  code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); });
}

void Regex::find_all(std::string_view text, const std::function<void(size_t, size_t)>& match) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const Workspace work(code);
  size_t at = 0, last_end = std::string_view::npos;
  while (at <= text.size()) {
    // Without NO_UTF_CHECK every call would validate the whole rest: quadratic.
    const int found =
        pcre2_match(code, units(text), text.size(), at, PCRE2_NO_UTF_CHECK, work.data.get(), work.context.get());
    if (found == PCRE2_ERROR_NOMATCH) return;
    if (found < 0) {
      throw Error(
          {.where = where_,
           .what = "matching the pattern gave up at byte " + std::to_string(at) + " (" + error_text(found) + ")",
           .hint = "Shorten the text"});
    }
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(work.data.get());
    const size_t begin = bounds[0], end = bounds[1];
    if (end > begin || begin != last_end) match(begin, end);
    last_end = end;
    if (end > begin)
      at = end;
    else
      at = end == text.size() ? end + 1 : end + utf8_step(text, end).length;
  }
}

}  // namespace starnest
