// Perplexity of a text, and how far a size is from another one on it.
#include <string>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/eval_likelihood.h"
#include "eval/likelihood.h"
#include "format/weights/fingerprint.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace starnest::cli {
namespace {

// How far a size is from that of --kl-from and --kl-model: printed, and into `line`.
void add_divergence(const EvalOptions& options, const SizeOf& size, const SizeOf& reference, const TextWindows& text,
                    JsonLine& line) {
  const std::string& model = options.reference_model;
  const std::string from_text = reference.size + (model.empty() ? "" : " of " + model);
  ProgressBar bar("eval " + size.size + " against " + from_text, {.unit = "windows"});
  const TextDivergence from =
      text_divergence(size, reference, text, options.parallel,
                      [&](uint64_t done, uint64_t total) { stop_if_asked(options), bar.update(done, total); });
  bar.clear();
  print(stdout, "%s: KL from %s %.4f nats per token; the same likeliest token for %.1f %%\n", size.size.c_str(),
        from_text.c_str(), from.mean, 100 * from.same_choice);
  if (!model.empty()) line.set("kl_model", model);
  line.set("kl_from", reference.size).set("kl", from.mean).set("same_choice", from.same_choice);
}

}  // namespace

CLI::Option* add_text_options(CLI::App& command, EvalOptions& options) {
  CLI::Option* const text = command.add_option(
      "--text", options.text, "perplexity of this text instead of a task (*.json, *.jsonl, *.ndjson, or plain)");
  command.add_option("--kl-from", options.reference, "with --text: also the KL from this size")->needs(text);
  command
      .add_option("--kl-model", options.reference_model,
                  "with --text: also the KL from this model, of each size from the one of the same name")
      ->needs(text);
  command.add_option("--window", options.window, "tokens of text that are read at a time")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 20));
  return text;
}

void eval_text(const EvalOptions& options, const Family& family, const Family* reference, AtomicFile* json) {
  const Family& from = reference ? *reference : family;
  // Sizes are known before the text is read.
  if (!options.reference.empty()) from.size(options.reference);
  if (reference && options.reference.empty())
    for (const std::string& size : sizes_to_score(family, options)) from.size(size);
  const Start start = start_of(family, options);
  LikelihoodReport report(json, options, start,
                          JsonLine()
                              .set("text", options.text)
                              .set("text_content", json ? fingerprint(options.text) : "")
                              .set("window", options.window));
  const TextWindows text = read_windows(family, options.text, start.id, size_t(options.window));
  if (text.documents.empty > 0) print_notices({options.text + ": " + empty_text(text.documents)});
  for (const std::string& size : sizes_to_score(family, options)) {
    ProgressBar bar("eval " + size, {.unit = "windows"});
    const TextLikelihood result =
        text_likelihood(family, size, text, options.parallel,
                        [&](uint64_t done, uint64_t total) { stop_if_asked(options), bar.update(done, total); });
    bar.clear();
    print(stdout, "%s: perplexity %.3f, %.4f bits per byte; %s tokens of %s documents in windows of %d\n", size.c_str(),
          result.perplexity(), result.bits_per_byte(), grouped(text.tokens).c_str(),
          grouped(text.documents.documents).c_str(), options.window);
    JsonLine line;
    line.set("perplexity", result.perplexity()).set("bits_per_byte", result.bits_per_byte());
    line.set("tokens", text.tokens).set("bytes", text.bytes);
    line.set("documents", text.documents.documents).set("empty_documents", text.documents.empty);
    const std::string& other = options.reference.empty() ? size : options.reference;
    if (reference || other != size) add_divergence(options, {family, size}, {from, other}, text, line);
    report.add(size, line);
  }
  report.write();
}

}  // namespace starnest::cli
