#include "program/interrupt.h"

#include <csignal>

namespace starnest {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};

volatile std::sig_atomic_t received = 0;

void restore_defaults() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
}

void remember(int signal) {
  received = signal;
  restore_defaults();  // std::signal may be called from a handler (POSIX.1-2008, 2.4.3)
}

}  // namespace

Interrupt::Interrupt() {
  received = 0;
  for (const int signal : kSignals) std::signal(signal, remember);
}

Interrupt::~Interrupt() { restore_defaults(); }

bool Interrupt::requested() { return received != 0; }

int Interrupt::exit_code() { return 128 + (received ? int(received) : SIGINT); }

void Interrupt::check(const std::string& where, const std::string& hint) {
  if (requested()) throw InterruptedError({.where = where, .what = "was interrupted", .hint = hint});
}

}  // namespace starnest
