#include "generate/text_writer.h"

#include <utility>

namespace starnest {

TextWriter::TextWriter(const Tokenizer* tokenizer, std::vector<std::string> stop,
                       std::function<void(const TextPiece&)> on_text)
    : stop_(std::move(stop)), on_text_(std::move(on_text)) {
  if (tokenizer) decoder_.emplace(*tokenizer, /*skip_special=*/true);
}

void TextWriter::write(Phase phase, std::string_view size, std::span<const TokenId> ids) {
  if (!decoder_) return;
  for (const TokenId id : ids) pass(phase, size, decoder_->push(id));
}

void TextWriter::finish(Phase phase, std::string_view size) {
  if (!decoder_) return;
  pass(phase, size, decoder_->finish());
  if (phase == Phase::answering) show(phase, size, stop_.finish());
}

void TextWriter::pass(Phase phase, std::string_view size, const std::string& text) {
  show(phase, size, phase == Phase::thinking ? text : stop_.push(text));
}

void TextWriter::show(Phase phase, std::string_view size, const std::string& text) {
  if (text.empty()) return;
  (phase == Phase::thinking ? thinking_ : answer_) += text;
  if (on_text_) on_text_({phase, size, text});
}

}  // namespace starnest
