// What the programs share around their subcommands: failures become a message and an exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace starnest {

// Parses the command line of `app`, which runs the chosen subcommand from its callback, and returns the exit code:
// 0 done, 1 failed (Error, out of memory), 2 wrong usage, with the nearest name where a command or option was misspelt,
// 128 + signal interrupted (interrupt.h). A callback that has already said why it failed throws
// CLI::RuntimeError(code). A command that went well and whose output did not arrive has failed. Messages go to standard
// error and begin with the app's name. The one place of a program where Error is caught.
int run_program(CLI::App& app, int argc, char** argv);

}  // namespace starnest
