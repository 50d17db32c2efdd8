#include "format/text/chat_template.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

TEST(ChatTemplate, LineEndsAndAMarkMakeNoOtherTemplate) {
  const TestFolder folder;
  EXPECT_EQ(read_chat_template(folder.path()), "");
  for (const char* text : {"{{ a }}\n<x>", "{{ a }}\n<x>\n", "{{ a }}\r\n<x>\r\n", "{{ a }}\r\n<x>\r", "\xef\xbb\xbf{{ a }}\n<x>"}) {
    folder.write("chat_template.jinja", text);
    EXPECT_EQ(read_chat_template(folder.path()), "{{ a }}\n<x>");
  }
  folder.write("chat_template.jinja", "<x>\n\n");  // Jinja takes one line end away
  EXPECT_EQ(read_chat_template(folder.path()), "<x>\n");
}

TEST(ChatTemplate, MayStandInTokenizerConfig) {
  const TestFolder folder;
  const auto read = [&](const char* config) {
    folder.write("tokenizer_config.json", config);
    return read_chat_template(folder.path());
  };
  EXPECT_EQ(read("{}"), "");
  EXPECT_EQ(read(R"({"chat_template": null})"), "");
  EXPECT_EQ(read(R"({"chat_template": "a\r\nb\n"})"), "a\nb");
  EXPECT_EQ(read(R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})"),
            "d");
  EXPECT_EQ(read(R"({"chat_template": [{"name": "other", "template": "t"}]})"), "t");
  for (const char* wrong :
       {R"({"chat_template": 3})", R"({"chat_template": ["a"]})", R"({"chat_template": [{"name": "x"}]})",
        R"({"chat_template": [{"name": "x", "template": 1}]})"})
    EXPECT_NE(error_of([&] { read(wrong); }).find("key 'chat_template' has the wrong type"), std::string::npos)
        << wrong;
  read("{}");
  folder.write("chat_template.jinja", "own");
  EXPECT_EQ(read(R"({"chat_template": "other"})"), "own");
}

}  // namespace
}  // namespace starnest
