#include "cli/chat_talk.h"

#include <utility>

namespace starnest::cli {

ChatTalk::ChatTalk(Family family, ChatOptions options, std::string system)
    : family_(std::move(family)), options_(std::move(options)), system_(std::move(system)) {
  reset();
}

void ChatTalk::reset() {
  messages_.clear();
  text_.clear();
  if (!system_.empty()) messages_.push_back({"system", system_});
}

std::vector<TokenId> ChatTalk::prompt(const std::string& said) const {
  if (options_.keep_thinking && !text_.empty()) {
    std::vector<TokenId> text = text_;
    const std::vector<TokenId> more = family_.chat_turn(said, options_);
    text.insert(text.end(), more.begin(), more.end());
    return text;
  }
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({"user", said});
  return family_.chat(messages, options_);
}

void ChatTalk::heard(const std::string& said, const Answer& answer) {
  if (options_.keep_thinking && family_.remembers()) {
    text_ = prompt(said);
    text_.insert(text_.end(), answer.ids.begin(), answer.ids.end());
  }
  messages_.push_back({"user", said});
  messages_.push_back({"assistant", answer.answer, answer.thinking});
}

}  // namespace starnest::cli
