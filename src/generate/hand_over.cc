#include "generate/hand_over.h"

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {

HandOver parse_hand_over(const std::string& text) {
  using Mode = HandOver::Mode;
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const bool window_given = colon != std::string::npos;
  const int window = window_given ? whole_number<int>(text.substr(colon + 1)).value_or(0) : 0;
  const bool window_good = window >= 1 && window <= 1 << 20;
  if (name == "recompute" && !window_given) return {Mode::recompute, 0};
  if (name == "transplant" && !window_given) return {Mode::transplant, 0};
  if (name == "hybrid" && window_good) return {Mode::hybrid, window};
  if (name == "shadow" && (!window_given || window_good)) return {Mode::shadow, window_given ? window : kShadowWindow};
  throw Error({.where = "hand-over",
               .what = "is not understood",
               .expected = "recompute, transplant, hybrid:TOKENS, shadow or shadow:TOKENS, with at least 1 token",
               .got = in_quotes(text)});
}

std::string text_of(const HandOver& hand_over) {
  switch (hand_over.mode) {
    case HandOver::Mode::recompute:
      return "recompute";
    case HandOver::Mode::transplant:
      return "transplant";
    case HandOver::Mode::hybrid:
      return "hybrid:" + std::to_string(hand_over.window);
    case HandOver::Mode::shadow:
      return "shadow:" + std::to_string(hand_over.window);
  }
  return "";
}

}  // namespace starnest
