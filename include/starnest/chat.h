// Conversations.
#pragma once

#include <string>

namespace starnest {

struct ChatMessage {
  std::string role;  // system, user or assistant
  std::string content;
  std::string reasoning = {};  // of an assistant, without its tags; empty: none, or as tags in `content`
};

struct ChatOptions {
  bool think = true;           // the reply begins with thinking
  bool keep_thinking = false;  // thinking of earlier turns stays in the text
  // For the simple format of the models of reasoning tasks, which take the last message alone: e0, e1 or e2.
  std::string effort = "e2";
};

}  // namespace starnest
