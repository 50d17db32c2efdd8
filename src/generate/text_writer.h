// New output ids as text, phase by phase.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/text/tokenizer.h"
#include "generate/stop_text.h"
#include "starnest/session.h"

namespace starnest {

// The closing tag and special tokens are not shown. Pieces are whole characters; texts to stop at are looked for
// in the answer only. Not thread-safe; the tokenizer must outlive it.
class TextWriter {
 public:
  // Without a tokenizer nothing is written. `end_tags`: of thinking, where they are no special tokens. Throws Error for
  // texts to stop at that cannot be meant.
  TextWriter(const Tokenizer* tokenizer, std::vector<std::string> stop, std::vector<std::string> end_tags,
             std::function<void(const TextPiece&)> on_text);

  void write(Phase phase, std::string_view size, std::span<const TokenId> ids);
  void finish(Phase phase, std::string_view size);  // nothing more comes in this phase

  bool stopped() const { return stop_.found(); }  // at one of the texts
  const std::string& thinking() const { return thinking_; }
  const std::string& answer() const { return answer_; }

 private:
  StopText& ends_of(Phase phase) { return phase == Phase::answering ? stop_ : end_tag_; }
  void pass(Phase phase, std::string_view size, const std::string& text);
  void show(Phase phase, std::string_view size, const std::string& text);

  std::optional<StreamDecoder> decoder_;
  StopText stop_, end_tag_;
  std::function<void(const TextPiece&)> on_text_;
  std::string thinking_, answer_;
};

}  // namespace starnest
