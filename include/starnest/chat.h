// Conversations.
#pragma once

#include <map>
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
  // What the model's template takes beside messages, by name. "effort" is that of models of reasoning tasks: e0 (no
  // thinking), e1 or e2 (when it is not given); formats that know no levels take e0 for no thinking.
  std::map<std::string, std::string> arguments = {};
};

}  // namespace starnest
