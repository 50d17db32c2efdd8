// Text data as it comes: other line ends, marks, pipes, empty documents; and models whose numbers say nothing.
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "base/file.h"
#include "program.h"

namespace starnest {
namespace {

std::string with_crlf(const std::string& text) {
  std::string out = "\xef\xbb\xbf";
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

// A named pipe that one reader gets the text from.
class Pipe {
 public:
  Pipe(const std::filesystem::path& path, std::string text) : path_(path.string()) {
    std::filesystem::remove(path);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    writer_ = std::thread([path, text = std::move(text)] { std::ofstream(path, std::ios::binary) << text; });
  }
  ~Pipe() { writer_.join(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::thread writer_;
};

Finished eval(const std::string& model, std::vector<std::string> more) {
  std::vector<std::string> words{"eval", "-t", "1", "-m", model};
  words.insert(words.end(), more.begin(), more.end());
  return starnest_program(words);
}

void copy_model(const std::string& from, const std::filesystem::path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

void replace_in(const std::filesystem::path& file, const std::string& old, const std::string& text) {
  std::string all = file_text(file);
  ASSERT_NE(all.find(old), std::string::npos) << old;
  std::filesystem::permissions(file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  put_file(file, all.replace(all.find(old), old.size(), text));
}

const std::string kText = "r:a5b+3?\n<|endoftext|>\n\n<|endoftext|>\nabc\n";

TEST(Data, TextIsTheSameFromEverySystemAndThroughAPipe) {
  const TestFolder folder;
  const Finished plain = eval(kPocket, {"--text", folder.write("a.txt", kText).string()});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_CONTAINS(plain.out, "of 2 documents");
  EXPECT_CONTAINS(plain.err, "1 empty document is left out");
  EXPECT_EQ(plain.err.find("left out"), plain.err.rfind("left out")) << plain.err;  // once, not per size
  EXPECT_EQ(eval(kPocket, {"--text", folder.write("b.txt", with_crlf(kText)).string()}).out, plain.out);
  const Pipe pipe(folder / "pipe", kText);
  const Finished piped = eval(kPocket, {"--text", pipe.path(), "--kl-from", "large"});  // all sizes, and once more
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_CONTAINS(piped.out, "small: KL from large");
}

TEST(Data, JsonLinesAndArraysAreTheSameText) {
  const TestFolder folder;
  const std::string lines = "{\"text\": \"r:a5b+3?\", \"score\": NaN}\n{\"text\": \"\"}\n{\"text\": \"abc\"}\n";
  const std::string expected = eval(kPocket, {"--text", folder.write("a.txt", kText).string()}).out;
  EXPECT_EQ(eval(kPocket, {"--text", folder.write("a.NDJSON", with_crlf(lines)).string()}).out, expected);
  const std::string array = "[{\"text\": \"r:a5b+3?\"},\n{\"text\": \"abc\"}]\n";
  EXPECT_EQ(eval(kPocket, {"--text", folder.write("a.json", array).string()}).out, expected);
  const Pipe pipe(folder / "pipe", lines);
  EXPECT_EQ(eval(kPocket, {"--text", pipe.path()}).out, expected);
}

TEST(Data, TablesComeThroughPipes) {
  const TestFolder folder;
  const Pipe questions(folder / "q", "What barks?,cat,dog,cow,hen,B\r\n");
  const Finished choices = eval(kStoryteller, {"--choices", questions.path(), "--shots", "0"});
  EXPECT_EQ(choices.exit_code, 0) << choices.err;
  const Pipe table(folder / "p", with_crlf("good\tbad\na;\ta(\n"));
  const Finished pairs = eval(kPocket, {"--pairs", table.path()});
  EXPECT_EQ(pairs.exit_code, 0) << pairs.err;
  EXPECT_CONTAINS(pairs.out, "of 1 pairs");
}

TEST(Data, PromptsAreTheSameFromEverySystem) {
  const TestFolder folder;
  const auto ask = [&](const std::string& text) {
    return starnest_program({"run", "-q", "-t", "1", "-m", kPocket, "-f", folder.write("prompt", text).string()}).out;
  };
  const std::string expected = ask("r:a5b+3?");
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(ask(with_crlf("r:a5b+3?\n")), expected);
  const std::string talk = "r:a5b+3?\nr:a5b*3?\n";
  const std::vector<std::string> chat{"chat", "-q", "-t", "1", "-m", kPocket};
  const Finished said = starnest_program(chat, talk);
  ASSERT_EQ(said.exit_code, 0) << said.err;
  EXPECT_EQ(starnest_program(chat, with_crlf(talk)).out, said.out);
}

// Every id of a tokenizer.json beyond the embeddings, the first of them and one far outside.
TEST(Data, TokensThatTheModelDoesNotHaveAreRefusedWhereTextNeedsThem) {
  const TestFolder folder;
  copy_model(kPocket, folder / "m");
  const std::string model = folder / "m", text = folder.write("a.txt", "abc\n").string();
  for (const char* id : {"64", "100000"}) {
    std::filesystem::remove(folder / "m/tokenizer.json");
    std::filesystem::copy(kPocket + "/tokenizer.json", folder / "m/tokenizer.json");
    replace_in(folder / "m/tokenizer.json", "\"b\": 9", std::string("\"b\": ") + id);
    const Finished refused = eval(model, {"--text", text, "--size", "small"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_CONTAINS(
        refused.err,
        std::string("needs the token 'b', which the model does not have; expected ids below 64, got ") + id);
    const Finished fits = eval(model, {"--text", folder.write("b.txt", "acd\n").string(), "--size", "small"});
    EXPECT_EQ(fits.exit_code, 0) << fits.err;
    EXPECT_CONTAINS(fits.err, "has tokens that the model has no embedding for (1, the first is 'b'");
    const Finished prompt = starnest_program({"run", "-t", "1", "-m", model, "-p", "r:a5b+3?"});
    EXPECT_EQ(prompt.exit_code, 1);
    EXPECT_CONTAINS(prompt.err, "needs the token 'b'");
  }
}

TEST(Data, TheStartOfTheConfigIsUsedWhereTheVocabularyHasNoUsualOne) {
  const TestFolder folder;
  const std::string text = folder.write("a.txt", "abc\n").string();
  const std::string named = eval(kPocket, {"--text", text, "--start", "<bos>"}).out;
  EXPECT_EQ(eval(kPocket, {"--text", text}).out, named);
  EXPECT_NE(eval(kPocket, {"--text", text, "--start", ""}).out, named);
  copy_model(kPocket, folder / "m");
  replace_in(folder / "m/config.json", "\"bos_token_id\": 1", "\"bos_token_id\": 64");
  const Finished outside = eval(folder / "m", {"--text", text});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_CONTAINS(outside.err, "config.json: key 'bos_token_id': is outside the vocabulary; expected 0 to 63, got 64");
}

TEST(Data, ModelsWhoseLogitsAreNotNumbersAreRefused) {
  const TestFolder folder;
  copy_model(kPocket, folder / "m");
  const std::string file = folder / "m/model.safetensors", model = folder / "m";
  std::string bytes = file_text(file);
  const size_t begin =
      8 + size_t(uint8_t(bytes[0])) + (size_t(uint8_t(bytes[1])) << 8) + (size_t(uint8_t(bytes[2])) << 16);
  std::fill(bytes.begin() + int64_t(begin), bytes.end(), '\xff');  // NaN in F32 and BF16
  std::filesystem::permissions(file, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  put_file(file, bytes);
  const auto expect = [&](const Finished& finished) {
    EXPECT_EQ(finished.exit_code, 1) << finished.out;
    EXPECT_CONTAINS(finished.err, "logits: are not finite");
  };
  const std::string text = folder.write("a.txt", "abc\n").string();
  expect(eval(model, {"--text", text}));
  expect(eval(model, {"--text", text, "--kl-from", "large"}));
  expect(eval(model, {"--pairs", folder.write("p.tsv", "good\tbad\na;\ta(\n").string()}));
  expect(eval(model, {"-n", "3"}));
  expect(starnest_program({"run", "-t", "1", "-m", model, "-p", "r:a5b+3?"}));
  expect(starnest_program({"run", "-t", "1", "-m", model, "-p", "r:a5b+3?", "--temp", "0.8"}));
}

}  // namespace
}  // namespace starnest
