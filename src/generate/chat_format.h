// Conversations as the tokens that a model was trained on: the format of Nemotron 3 (ChatML with thinking tags).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/text/tokenizer.h"
#include "starnest/chat.h"

namespace starnest {

inline constexpr std::string_view kTurnEnd = "<|im_end|>";

// A stretch of a rendered conversation: the name of a special token, or text in which no special token is looked for.
struct ChatPiece {
  std::string text;
  bool special = false;
  bool operator==(const ChatPiece&) const = default;
};

// The behaviour of the vendor's template, without tools:
//   - a system turn first, empty when the first message is not a system message; later ones are turns like a user's
//   - assistant turns open with <think></think> unless they hold thinking, which `reasoning` or tags in `content` give;
//     those before the last user turn lose it unless `keep_thinking`
//   - then the opening of an assistant turn, with <think> and a line break, or with <think></think>
// White space around an assistant's content is trimmed (ASCII only). Only the assistant's own thinking tags are
// special: tags that other people write stay text. Neighbouring pieces of text are one. Throws Error for a role that is
// no word (a-z), for the role "tool", and where nothing was said.
std::vector<ChatPiece> render(const std::vector<ChatMessage>& messages, const ChatOptions& options);

// What follows an assistant's text, as the model left it: its end, a user's turn, and the opening of the next reply.
std::vector<ChatPiece> render_turn(const std::string& said, const ChatOptions& options);

std::vector<TokenId> tokens_of(const std::vector<ChatPiece>& pieces, const Tokenizer& tokenizer);

// Whether a template (the text of chat_template.jinja) is of this format, as far as its marks tell.
bool is_chat_template(std::string_view chat_template);

}  // namespace starnest
