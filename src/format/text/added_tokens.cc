#include "format/text/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "format/text/unicode.h"

namespace starnest {
namespace {

size_t previous_char(std::string_view text, size_t at) {
  do --at;
  while (at > 0 && is_continuation(text[at]));
  return at;
}

bool touches_word(std::string_view text, size_t begin, size_t end) {
  return (begin > 0 && is_word_char(code_point_at(text, previous_char(text, begin)))) ||
         (end < text.size() && is_word_char(code_point_at(text, end)));
}

size_t space_begin(std::string_view text, size_t at, size_t least) {
  while (at > least) {
    const size_t before = previous_char(text, at);
    if (!is_white_space(code_point_at(text, before))) break;
    at = before;
  }
  return at;
}

size_t space_end(std::string_view text, size_t at) {
  while (at < text.size() && is_white_space(code_point_at(text, at))) at += utf8_step(text, at).length;
  return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
}

// Narrows the sorted tokens byte by byte to those that share the text's prefix; the shortest of them stands first.
const AddedToken* AddedTokenMatcher::longest_at(std::string_view text, size_t at) const {
  const AddedToken* longest = nullptr;
  auto first = tokens_.begin(), last = tokens_.end();
  for (size_t k = 0; at + k < text.size() && first != last; ++k) {
    const auto byte = uint8_t(text[at + k]);
    first = std::partition_point(first, last, [&](const AddedToken& token) {
      return token.content.size() <= k || uint8_t(token.content[k]) < byte;
    });
    last =
        std::partition_point(first, last, [&](const AddedToken& token) { return uint8_t(token.content[k]) == byte; });
    if (first != last && first->content.size() == k + 1) longest = &*first;
  }
  return longest;
}

std::vector<AddedSegment> AddedTokenMatcher::split(std::string_view text, bool parse_special) const {
  std::vector<AddedSegment> segments;
  size_t done = 0;
  for (size_t at = 0; !tokens_.empty() && at < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + token->content.size();
    at = end;  // as in HF, a match that is turned down hides shorter ones inside it
    if (token->special && !parse_special) continue;
    if (token->single_word && touches_word(text, begin, end)) continue;
    if (token->lstrip) begin = std::max(space_begin(text, begin, done), done);
    if (token->rstrip) end = space_end(text, end);
    if (begin > done) segments.push_back({-1, done, begin});
    if (end > begin) segments.push_back({token->id, begin, end});  // else the token before has taken all of it
    done = end;
  }
  if (done < text.size()) segments.push_back({-1, done, text.size()});
  return segments;
}

}  // namespace starnest
