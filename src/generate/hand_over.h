// How a size that goes on where another one stopped gets its state.
#pragma once

#include <string>

namespace starnest {

struct HandOver {
  enum class Mode {
    recompute,   // reads the whole text: exact
    transplant,  // takes the other size's state as it is: not exact
    hybrid,      // takes a state of the other size at least `window` tokens back and reads the rest: not exact
    shadow,      // has read along, `window` tokens at a time: exact
  };
  Mode mode = Mode::recompute;
  int window = 0;  // tokens; hybrid and shadow only

  bool exact() const { return mode == Mode::recompute || mode == Mode::shadow; }
};

inline constexpr int kShadowWindow = 64;

// "recompute", "transplant", "hybrid:16", "shadow" (in steps of kShadowWindow) or "shadow:16". Throws Error.
HandOver parse_hand_over(const std::string& text);
std::string text_of(const HandOver& hand_over);

}  // namespace starnest
