// What every command does with its outputs: none over an input, none lost in silence, devices and links written
// through.
#include <unistd.h>

#include <sys/stat.h>

#include "format/weights/safetensors.h"
#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

Words words(Words first, const Words& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}
Words eval_words(const Words& more) {
  return words({"eval", "-m", kPocket, "-n", "5", "--size", "small", "-t", "1"}, more);
}

TEST(Outputs, ThatCannotBeWrittenAreAFailureOfEveryCommand) {
  const TestFolder folder;
  const std::string records = folder / "r.jsonl";
  ASSERT_EQ(starnest_program(eval_words({"--records", records})).exit_code, 0);
  for (const Words& command :
       {Words{"--help"}, Words{"--version"}, Words{"inspect", "-m", kPocket}, Words{"inspect", "-m", kPocket, "--json"},
        eval_words({}), Words{"compare", records, records}, Words{"compare", records, records, "--json"},
        Words{"slice", "-m", kPocket, "--size", "small", "-o", folder / "slice"},
        Words{"report", "-m", kPocket, "-o", folder / "page.html"},
        Words{"run", "-m", kPocket, "-p", "r:a5b+3?", "-t", "1"},
        Words{"bench", "-m", kPocket, "--json", "-p", "0", "-n", "4", "-r", "1", "--mixes", "0", "-t", "1"}}) {
    const Finished full = starnest_in_shell("\"$@\" > /dev/full", command);
    EXPECT_EQ(full.exit_code, 1) << command.front() << full.err;
    EXPECT_CONTAINS(full.err, "standard output");
  }
  const Finished closed = starnest_in_shell("\"$@\" >&-", {"inspect", "-m", kPocket});
  EXPECT_EQ(closed.exit_code, 1) << closed.err;
  const Finished gone = starnest_in_shell("(sleep 0.3; \"$@\"; echo $? >&2) | true", {"inspect", "-m", kPocket});
  EXPECT_CONTAINS(gone.err, "standard output");
  EXPECT_TRUE(gone.err.ends_with("\n1\n")) << gone.err;
  fs::create_symlink("/dev/full", folder / "full");
  for (const char* flag : {"--json", "--records"}) {
    const Finished full = starnest_program(eval_words({flag, folder / "full"}));
    EXPECT_EQ(full.exit_code, 1);
    EXPECT_CONTAINS(full.err, "full: cannot write");
  }
}

TEST(Outputs, ClosedStreamsAreNotTakenForFiles) {
  const TestFolder folder;
  const std::string logits = folder / "logits.safetensors";
  const Finished done =
      starnest_in_shell("\"$@\" <&- >&- 2>&-", {"logits", "-m", kPocket, "--ids", "1,2", "-o", logits, "-t", "1"});
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(SafetensorsFile(logits).tensors().size(), 1u);  // and no message inside
  EXPECT_EQ(starnest_in_shell("\"$@\" <&-", {"run", "-m", kPocket, "-t", "1"}).exit_code, 1);
  EXPECT_EQ(starnest_in_shell("\"$@\" <&-", {"tokenize", "-m", kStoryteller}).exit_code, 1);
  EXPECT_EQ(starnest_in_shell("\"$@\" <&-", {"run", "-m", kPocket, "-p", "r:a5b+3?", "-t", "1"}).exit_code, 0);
}

TEST(Outputs, NeverReplaceAnInput) {
  const TestFolder folder;
  fs::copy(kPocket, folder / "v");
  const std::string model = folder / "v", weights = model + "/model.safetensors", text = folder / "t.jsonl";
  put_file(text, "{\"text\": \"Once upon a time.\"}\n");
  put_file(folder / "in.bin", "Once upon a time.");
  put_file(folder / "sizes.json", file_text(model + "/elastic.json"));
  fs::create_symlink("v/model.safetensors", folder / "link");
  fs::create_hard_link(weights, folder / "hard");
  ASSERT_EQ(starnest_program(eval_words({"--json", folder / "a.json", "--records", folder / "r.jsonl"})).exit_code, 0);
  const auto refused = [&](const Words& command, const fs::path& kept) {
    const std::string before = file_text(kept);
    const Finished finished = starnest_program(command);
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_CONTAINS(finished.err, "would replace the file that");
    EXPECT_EQ(file_text(kept), before);
  };
  for (const std::string& name : {weights, model + "//./model.safetensors", std::string(folder / "link"),
                                  std::string(folder / "hard"), model + "/generation_config.json"})
    refused({"logits", "-m", model, "--ids", "1,2", "-o", name}, weights);
  refused({"logits", "-m", model, "--elastic", folder / "sizes.json", "--ids", "1", "-o", folder / "sizes.json"},
          folder / "sizes.json");
  refused({"report", "-o", folder / "a.json", folder / "a.json"}, folder / "a.json");
  refused({"report", "-m", model, "-o", model + "/config.json"}, model + "/config.json");
  refused({"eval", "-m", kStoryteller, "--size", "small", "--text", text, "--json", text}, text);
  refused({"eval", "-m", model, "-n", "2", "--size", "small", "--json", model + "/elastic.json"},
          model + "/elastic.json");
  refused(eval_words({"--against", folder / "r.jsonl", "--json", folder / "r.jsonl"}), folder / "r.jsonl");
  refused({"tokenize", "-m", kStoryteller, folder / "in.bin", "--out", folder / "in"}, folder / "in.bin");
  const Finished both = starnest_program(eval_words({"--json", folder / "s", "--records", folder / "./s"}));
  EXPECT_CONTAINS(both.err, "--records: is the file that --json writes too");
  fs::create_directory(folder / "out");
  fs::rename(folder / "sizes.json", folder / "out/sizes.json");
  const Finished slice = starnest_program({"slice", "-m", model, "--elastic", folder / "out/sizes.json", "--size",
                                           "small", "--force", "-o", folder / "out"});
  EXPECT_CONTAINS(slice.err, "contains the source");
  EXPECT_TRUE(fs::exists(folder / "out/sizes.json"));
}

TEST(Outputs, GoThroughLinksAndPipes) {
  const TestFolder folder;
  put_file(folder / "real", "old");
  fs::create_symlink("real", folder / "link");
  EXPECT_EQ(starnest_program({"logits", "-m", kPocket, "--ids", "1,2", "-o", folder / "link"}).exit_code, 0);
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(SafetensorsFile(folder / "real").tensors().size(), 1u);
  const Finished both = starnest_in_shell("\"$@\" | cat", eval_words({"--json", "/dev/stdout"}));
  EXPECT_CONTAINS(both.out, "thinking:");
  EXPECT_CONTAINS(both.out, "\n{\"model\":");
}

TEST(Eval, ResumesWithTheSameWeightsWhereverTheyLie) {
  const TestFolder folder;
  fs::copy(kPocket, folder / "v");
  const std::string records = folder / "r.jsonl", whole = folder / "whole.jsonl";
  const auto words = [&](const std::string& model, const std::string& file) {
    return Words{"eval", "-m", model, "-n", "40", "--size", "small", "-t", "1", "--records", file, "--resume"};
  };
  ASSERT_EQ(starnest_program(words(folder / "v", whole)).exit_code, 0);
  const std::string written = file_text(whole), first = written.substr(0, written.size() / 2);
  const auto resumed = [&](const std::string& model) {
    put_file(records, first);
    return starnest_program(words(model, records));
  };
  fs::rename(folder / "v", folder / "moved");
  const Finished moved = resumed(std::string(folder / "moved") + "/");
  EXPECT_EQ(moved.exit_code, 0) << moved.err;
  EXPECT_EQ(file_text(records), written);

  std::string weights = file_text(folder / "moved/model.safetensors");
  weights.back() = char(weights.back() ^ 1);
  put_file(folder / "moved/model.safetensors", weights);
  const Finished changed = resumed(folder / "moved");
  EXPECT_EQ(changed.exit_code, 1);
  EXPECT_CONTAINS(changed.err, "they differ in weights");
  EXPECT_EQ(file_text(records), first);

  put_file(records, R"({"question":"r:1?e2","settings":"{\"model\":\"v\",\"task\":\"r\"}"})"
                    "\n");
  const Finished earlier = starnest_program(words(kPocket, records));
  EXPECT_CONTAINS(earlier.err, "was written by an earlier version");
  EXPECT_CONTAINS(earlier.err, "leave --resume out to begin anew");
}

TEST(Names, OfFilesAreShownNotObeyed) {
  const TestFolder folder;
  fs::copy(kPocket, folder / "v");
  std::string sizes = file_text(folder / "v/elastic.json");
  for (size_t at; (at = sizes.find("\"small\"")) != sizes.npos;) sizes.replace(at, 7, "\"s\\u001b[2Jl\"");
  put_file(folder / "v/elastic.json", sizes);
  const std::string model = folder / "v", name = "s\033[2Jl";
  for (const Words& command :
       {Words{"inspect", "-m", model}, Words{"eval", "-m", model, "-n", "2", "--size", name, "-t", "1"},
        Words{"run", "-m", model, "-p", "r:a5b+3?", "--size", name, "-t", "1"},
        Words{"slice", "-m", model, "--size", name, "-o", folder / "slice"},
        Words{"slice", "-m", model, "--size", "x", "-o", "y"},
        Words{"bench", "-m", model, "-p", "0", "-n", "4", "-r", "1", "--mixes", "0", "-t", "1"}}) {
    const Finished finished = starnest_program(command);
    EXPECT_EQ((finished.out + finished.err).find('\033'), std::string::npos) << finished.out << finished.err;
    EXPECT_CONTAINS(finished.out + finished.err, "s\\x1b[2Jl");
  }
}

TEST(InstructionSets, ThatThisMachineLacksAreAnErrorOfEveryCommand) {
  for (const Words& command : {Words{"--help"}, Words{"--version"}, Words{"inspect", "-m", kPocket},
                               Words{"run", "-m", kPocket, "-p", "r:a5b+3?"}}) {
    const Finished finished = starnest_in_shell("STARNEST_ISA=neon512 \"$@\"", command);
    EXPECT_EQ(finished.exit_code, 1) << command.front();
    EXPECT_CONTAINS(finished.err,
                    "STARNEST_ISA: 'neon512' is not an instruction set of this machine; expected portable");
  }
}

}  // namespace
}  // namespace starnest
