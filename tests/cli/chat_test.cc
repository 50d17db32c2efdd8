// `starnest chat` as a user runs it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// The pocket model with tokens for the turns of a chat in place of three spare ones. What it says there means nothing,
// but it is the same every time.
fs::path talking_model(const TestFolder& folder) {
  const fs::path model = folder / "model";
  fs::create_directories(model);
  for (const auto& entry : fs::directory_iterator(kPocket)) fs::copy(entry.path(), model / entry.path().filename());
  std::string text = file_text(model / "tokenizer.json");
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  };
  replace("<spare_0>", "<|im_start|>");
  replace("<spare_1>", "<|im_end|>");
  const size_t line = text.find("    {\"id\": 57,");
  text.erase(line, text.find('\n', line) + 1 - line);
  replace("\"<spare_2>\": 57", "\"\u010a\": 57");  // the line break, as byte-level vocabularies write it
  put_file(model / "tokenizer.json", text);
  put_file(model / "chat_template.jinja", "<|im_start|> <|im_end|> <think> truncate_history_thinking");
  put_file(model / "generation_config.json",
           R"({"eos_token_id": [2, 56], "think_start_ids": [3, 57], "think_end_ids": [[4]], "think_close_ids": [4]})");
  return model;
}

std::vector<std::string> chat(const fs::path& model, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"chat",           "-m", model.string(),  "-t", "1", "-n", "24",
                                 "--think-budget", "8",  "--think-grace", "0"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

int number_before(const std::string& text, const std::string& mark, size_t from = 0) {
  const size_t at = text.find(mark, from);
  size_t begin = at;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1]))) --begin;
  return std::atoi(text.c_str() + begin);
}

TEST(Chat, LinesFromAPipeAreQuestionsAndOnlyTextIsOnStandardOutput) {
  const Finished talk = starnest_program({"chat", "-m", kPocket, "--quiet"}, "r:a5b+3?\n\n/size small\nr:a5b*3c+4?\n");
  EXPECT_EQ(talk.exit_code, 0) << talk.err;
  EXPECT_EQ(talk.out, "a5;b+38;\n8\na5;b*35;c+49;\n9\n");
  EXPECT_EQ(talk.err, "");
}

TEST(Chat, RefusesWhatTheModelCannotUse) {
  const Finished system =
      starnest_program({"chat", "-m", STARNEST_SOURCE_DIR "/models/pocket", "--system", "be brief"});
  EXPECT_EQ(system.exit_code, 1);
  EXPECT_CONTAINS(system.err, "--system: means nothing to a model that takes every question alone");
  const Finished stories = starnest_program({"chat", "-m", STARNEST_SOURCE_DIR "/models/storyteller"});
  EXPECT_EQ(stories.exit_code, 1);
  EXPECT_CONTAINS(stories.err, "starnest run --raw");
  EXPECT_CONTAINS(starnest_program({"eval", "-m", STARNEST_SOURCE_DIR "/models/storyteller", "--task", "r"}).err,
                  "does not know the reasoning tasks");
}

TEST(Chat, CommandsThatAreWrongAreNamed) {
  EXPECT_CONTAINS(starnest_program({"chat", "-m", kPocket}, "/siz small\n").err, "Did you mean '/size'?");
  EXPECT_CONTAINS(starnest_program({"chat", "-m", kPocket}, "/think tiny\n").err, "no size 'tiny'");
  EXPECT_CONTAINS(starnest_program({"chat", "-m", kPocket}, "/budget much\n").err, "needs a number");
}

// Turn 2 renders earlier thinking away, so it goes on from before the first thinking tag.
TEST(Chat, TurnTwoReadsOnlyWhatFollowsAndSaysTheSameAsWithoutACache) {
  const TestFolder folder;
  const fs::path model = talking_model(folder);
  const std::string input = "abc\ndef\nghi\n";
  const Finished with = starnest_program(chat(model), input);
  const Finished without = starnest_program(chat(model, {"--cache-ram", "0"}), input);
  ASSERT_EQ(with.exit_code, 0) << with.err;
  EXPECT_EQ(with.out, without.out);
  EXPECT_CONTAINS(without.err, "[0 reused");
  const size_t second = with.err.find(" reused") + 1;
  const int first_read = number_before(with.err, " read");
  EXPECT_EQ(number_before(with.err, " reused", second), first_read - 2);  // all but the thinking tag and its line break
}

// With --keep-thinking the state itself goes on: nothing of turn 1 is read again.
TEST(Chat, KeptThinkingContinuesTheStateItself) {
  const TestFolder folder;
  const fs::path model = talking_model(folder);
  const std::string input = "abc\ndef\n";
  const Finished kept = starnest_program(chat(model, {"--keep-thinking", "--size", "small"}), input);
  ASSERT_EQ(kept.exit_code, 0) << kept.err;
  const Finished again =
      starnest_program(chat(model, {"--keep-thinking", "--size", "small", "--cache-ram", "0"}), input);
  EXPECT_EQ(kept.out, again.out);
  const size_t second = kept.err.find(" reused") + 1;
  const int read = number_before(kept.err, " read"), thought = number_before(kept.err, " thought"),
            answered = number_before(kept.err, " answered");
  EXPECT_GE(number_before(kept.err, " reused", second), read + thought + answered - 1);
}

// No published folder names the ids of its thinking tags, and the prompt ends in the tag and a line break.
TEST(Chat, ThinkingIsKnownByTheTagsOfTheTokenizer) {
  const TestFolder folder;
  const fs::path model = talking_model(folder);
  const Finished named = starnest_program(chat(model, {"--size", "medium"}), "abc\n");
  put_file(model / "generation_config.json", R"({"eos_token_id": [2, 56]})");
  const Finished found = starnest_program(chat(model, {"--size", "medium"}), "abc\n");
  EXPECT_EQ(found.out, named.out);
  EXPECT_CONTAINS(found.err, "[medium thinks]\n");
  EXPECT_CONTAINS(found.err, "; 3 thought, ");
  const Finished silent = starnest_program(chat(model, {"--no-think"}), "abc\n");
  EXPECT_CONTAINS(silent.err, "starnest: note: neither the prompt nor the model opened thinking: think-budget");
}

TEST(Chat, ResetForgets) {
  const TestFolder folder;
  const fs::path model = talking_model(folder);
  const Finished twice = starnest_program(chat(model, {"--quiet"}), "abc\n/reset\nabc\n");
  const Finished once = starnest_program(chat(model, {"--quiet"}), "abc\n");
  EXPECT_EQ(twice.out, once.out + once.out);
  EXPECT_NE(starnest_program(chat(model, {"--quiet"}), "abc\nabc\n").out, twice.out);
}

}  // namespace
}  // namespace starnest
