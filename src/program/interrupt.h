// Ctrl-C and SIGTERM: the first asks for a clean end between two steps, the second ends the program at once.
#pragma once

#include <string>

#include "starnest/error.h"

namespace starnest {

// Work that a signal has ended. run_program turns it into a message and exit_code().
class InterruptedError : public Error {
  using Error::Error;
};

// While one lives, the first signal is remembered, so that unfinished files can be removed and statistics printed.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool requested();
  static int exit_code();  // 128 + the signal, as a shell counts: 130 for Ctrl-C
  // Throws InterruptedError "WHERE: was interrupted. HINT." when it was.
  static void check(const std::string& where, const std::string& hint = {});
};

}  // namespace starnest
