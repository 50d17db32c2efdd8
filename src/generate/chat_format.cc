#include "generate/chat_format.h"

#include <algorithm>

#include "base/text.h"
#include "generate/think.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kStart = "<|im_start|>", kEnd = kTurnEnd, kThink = kThinkTag, kClose = kThinkEndTag;

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\n\r\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

class Renderer {
 public:
  void text(std::string_view text) {
    if (text.empty()) return;
    if (pieces_.empty() || pieces_.back().special) pieces_.push_back({});
    pieces_.back().text += text;
  }
  void special(std::string_view token) { pieces_.push_back({std::string(token), true}); }
  void turn(const std::string& role, const std::string& content) {
    special(kStart);
    text(role + "\n" + content);
    special(kEnd);
    text("\n");
  }
  // Text in which thinking tags are special.
  void assistant(std::string_view content) {
    while (!content.empty()) {
      const size_t open = content.find(kThink), close = content.find(kClose), next = std::min(open, close);
      text(content.substr(0, next));
      if (next == std::string_view::npos) return;
      const std::string_view tag = open < close ? kThink : kClose;
      special(tag);
      content.remove_prefix(next + tag.size());
    }
  }
  void reply(bool think) {
    special(kStart);
    text("assistant\n");
    special(kThink);
    if (think)
      text("\n");
    else
      special(kClose);
  }
  std::vector<ChatPiece> take() { return std::move(pieces_); }

 private:
  std::vector<ChatPiece> pieces_;
};

std::string assistant_content(const ChatMessage& message, bool cut_thinking) {
  std::string content = message.content;
  const std::string tags = std::string(kThink) + std::string(kClose);
  if (!message.reasoning.empty()) {
    content = std::string(kThink) + "\n" + message.reasoning + "\n" + std::string(kClose) + "\n" + content;
  } else if (content.find(kThink) == std::string::npos && content.find(kClose) == std::string::npos) {
    content = tags + content;
  }
  const size_t close = content.rfind(kClose);
  if (cut_thinking && close != std::string::npos && content.find(kThink) != std::string::npos)
    content = tags + content.substr(close + kClose.size());
  return trimmed(content);
}

void check(const std::vector<ChatMessage>& messages) {
  if (messages.empty()) throw Error("messages", "there is none");
  for (const ChatMessage& message : messages) {
    if (message.role == "tool")
      throw Error({.where = "messages", .what = "tools are not supported yet", .got = "a message of the role 'tool'"});
    const bool word = !message.role.empty() && std::all_of(message.role.begin(), message.role.end(),
                                                           [](char c) { return c >= 'a' && c <= 'z'; });
    if (!word)
      throw Error({.where = "messages",
                   .what = "a role is not known",
                   .expected = "system, user or assistant",
                   .got = in_quotes(message.role)});
  }
}

// Where the vocabulary has no token for a thinking tag, it is text like that beside it, and is cut into tokens with it.
std::vector<ChatPiece> with_tags_as_spelled(const std::vector<ChatPiece>& pieces, const Tokenizer& tokenizer) {
  Renderer out;
  for (const ChatPiece& piece : pieces) {
    const bool is_tag = piece.text == kThink || piece.text == kClose;
    if (piece.special && !(is_tag && !tokenizer.id_of(piece.text)))
      out.special(piece.text);
    else
      out.text(piece.text);
  }
  return out.take();
}

}  // namespace

std::vector<ChatPiece> render(const std::vector<ChatMessage>& messages, const ChatOptions& options) {
  check(messages);
  Renderer out;
  const bool has_system = messages.front().role == "system";
  out.turn("system", has_system ? messages.front().content : "");
  size_t last_user = 0;
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].role == "user") last_user = i;
  for (size_t i = has_system ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    if (message.role != "assistant") {
      out.turn(message.role, message.content);
      continue;
    }
    out.special(kStart);
    out.text("assistant\n");
    out.assistant(assistant_content(message, i < last_user && !options.keep_thinking));
    out.special(kEnd);
    out.text("\n");
  }
  out.reply(options.think);
  return out.take();
}

std::vector<ChatPiece> render_turn(const std::string& said, const ChatOptions& options) {
  Renderer out;
  out.special(kEnd);
  out.text("\n");
  out.turn("user", said);
  out.reply(options.think);
  return out.take();
}

std::vector<TokenId> tokens_of(const std::vector<ChatPiece>& pieces, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  for (const ChatPiece& piece : with_tags_as_spelled(pieces, tokenizer)) {
    if (!piece.special) {
      const std::vector<TokenId> text =
          tokenizer.encode(piece.text, {.add_special_tokens = false, .parse_special_tokens = false});
      ids.insert(ids.end(), text.begin(), text.end());
    } else if (const auto id = tokenizer.id_of(piece.text)) {
      ids.push_back(*id);
    } else {
      throw Error("tokenizer.json", "has no token " + in_quotes(piece.text) + ", which the chat format needs");
    }
  }
  return ids;
}

bool is_chat_template(std::string_view chat_template) {
  // The last one is a switch that only this template has; other ChatML with thinking has the other marks too.
  for (const std::string_view mark : {std::string_view(kStart), std::string_view(kEnd), std::string_view(kThink),
                                      std::string_view("truncate_history_thinking")})
    if (chat_template.find(mark) == std::string_view::npos) return false;
  return true;
}

}  // namespace starnest
