// A conversation: what was said, and the tokens of the next prompt.
#pragma once

#include <string>
#include <vector>

#include "starnest/family.h"
#include "starnest/session.h"

namespace starnest::cli {

class ChatTalk {
 public:
  // `system`: the first message, may be empty.
  ChatTalk(Family family, ChatOptions options, std::string system);

  // The prompt for the next thing that the user says.
  std::vector<TokenId> prompt(const std::string& said) const;
  // The reply to that, whole or cut: both are now part of the conversation.
  void heard(const std::string& said, const Answer& answer);
  void reset();  // forgets all but the system message

 private:
  Family family_;
  ChatOptions options_;
  std::string system_;
  std::vector<ChatMessage> messages_;
  std::vector<TokenId> text_;  // with keep_thinking: everything so far
};

}  // namespace starnest::cli
