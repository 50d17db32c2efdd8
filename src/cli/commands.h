// The subcommands of `starnest`. Each registers its options, help and examples, and runs from its callback; it throws
// starnest::Error, which main turns into a message and an exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace starnest::cli {

void add_bench(CLI::App& app);
void add_chat(CLI::App& app);
void add_compare(CLI::App& app);
void add_eval(CLI::App& app);
void add_export(CLI::App& app);
void add_inspect(CLI::App& app);
void add_logits(CLI::App& app);
void add_quantize(CLI::App& app);
void add_report(CLI::App& app);
void add_run(CLI::App& app);
void add_slice(CLI::App& app);
void add_tokenize(CLI::App& app);

}  // namespace starnest::cli
