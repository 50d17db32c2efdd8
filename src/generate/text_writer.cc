#include "generate/text_writer.h"

#include <utility>

namespace starnest {

TextWriter::TextWriter(const Tokenizer* tokenizer, std::vector<std::string> stop, std::vector<std::string> end_tags,
                       std::function<void(const TextPiece&)> on_text)
    : stop_(std::move(stop)), end_tag_(std::move(end_tags)), on_text_(std::move(on_text)) {
  if (tokenizer) decoder_.emplace(*tokenizer, /*skip_special=*/true);
}

void TextWriter::write(Phase phase, std::string_view size, std::span<const TokenId> ids) {
  if (!decoder_) return;
  for (const TokenId id : ids) pass(phase, size, decoder_->push(id));
}

void TextWriter::finish(Phase phase, std::string_view size) {
  if (!decoder_) return;
  pass(phase, size, decoder_->finish());
  show(phase, size, ends_of(phase).finish());
}

void TextWriter::pass(Phase phase, std::string_view size, const std::string& text) {
  show(phase, size, ends_of(phase).push(text));
}

void TextWriter::show(Phase phase, std::string_view size, const std::string& text) {
  if (text.empty()) return;
  (phase == Phase::thinking ? thinking_ : answer_) += text;
  if (on_text_) on_text_({phase, size, text});
}

}  // namespace starnest
