// `starnest run`, `logits` and `eval` on the model that ships with the project.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "format/weights/safetensors.h"
#include "program.h"

namespace starnest {
namespace {

const std::string kQuestion = "r:a5b+3c*7d-2?";
const std::string kThought = "a5;b+38;c*76;d-24;\n4\n";

Finished run(std::vector<std::string> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), {"run", "-m", kPocket});
  return starnest_program(arguments, input);
}

// The model with another generation_config.json.
void copy_pocket(const std::filesystem::path& to, const std::string& generation_config) {
  std::filesystem::copy(kPocket, to);
  put_file(to / "generation_config.json", generation_config);
}

TEST(Run, OneSizeThinksAndAnotherAnswers) {
  const Finished done = run({"-p", kQuestion, "--think-size", "small", "--answer-size", "large"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, kThought);
  EXPECT_CONTAINS(done.err, "[small thinks]\n[large answers]\n");
  EXPECT_CONTAINS(done.err, "prompt    17 tokens read by small in ");
  EXPECT_CONTAINS(done.err, "thinking  19 tokens by small (");
  EXPECT_CONTAINS(done.err, " GB/s), end natural\nswitch    36 tokens read by large in ");
  EXPECT_CONTAINS(done.err, ", recompute\nanswer    1 token by large (");
}

TEST(Run, SaysHowTheNextSizeGotItsState) {
  const auto handed = [](const std::string& how) {
    const Finished done = run({"-p", kQuestion, "--think-size", "small", "--answer-size", "large", "--hand-over", how});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.err;
  };
  EXPECT_CONTAINS(handed("transplant"), "1 token read by large in ");
  EXPECT_CONTAINS(handed("transplant"), " moved, transplant\n");
  EXPECT_CONTAINS(handed("shadow:8"), "tokens read along by large");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--hand-over", "magic"}).err, "hand-over: is not understood");
}

// The third size must be in memory too.
TEST(Run, ThinkingMayGoOnWithAnotherSize) {
  const Finished done = run({"-p", kQuestion, "--size", "small", "--switch-size", "large", "--switch-after", "4"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "a5;b\n+38;c*76;d-24;\n4\n");
  EXPECT_CONTAINS(done.err, "[small thinks]\n[large thinks]\n[small answers]\n");
  EXPECT_CONTAINS(done.err, "\nthinking  4 tokens by small (");
  EXPECT_CONTAINS(done.err, "\nthinking  15 tokens by large (");
}

TEST(Run, StagesAreWrittenOneAfterAnother) {
  const auto stages = [](const std::string& text) { return run({"-p", kQuestion, "--stages", text}); };
  const Finished done = stages("small:tokens=4,medium:tokens=3,large:tag,small:end");
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "a5;b\n+38\n;c*76;d-24;\n4\n");
  EXPECT_CONTAINS(done.err, "): small thinks, medium thinks, large thinks, small answers\n");
  EXPECT_CONTAINS(done.err, "[small thinks]\n[medium thinks]\n[large thinks]\n[small answers]\n");
  EXPECT_CONTAINS(done.err, "\nthinking  3 tokens by medium (");
  EXPECT_CONTAINS(stages("small").err, "stages: have a stage without a size or an end");
  EXPECT_CONTAINS(stages("small:tag").err, "stages: must have a last stage that writes until the end");
  EXPECT_CONTAINS(stages("smal:end").err, "Did you mean 'small'?");
  EXPECT_EQ(run({"-p", kQuestion, "--stages", "small:end", "--size", "small"}).exit_code, 2);
}

TEST(Run, ARuleNeedsASizeAndASizeARule) {
  EXPECT_CONTAINS(run({"-p", kQuestion, "--switch-after", "3"}).err, "switch-size: is missing");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--switch-size", "large"}).err, "switch-size: needs switch-after");
}

TEST(Run, AModelThatDoesNotThinkRunsAtOneSizeOnly) {
  const auto written = [](std::vector<std::string> sizes) {
    std::vector<std::string> words{"run",    "-m", in_tests("golden/mixed_bf16"), "--ids", "1,2,3", "-n", "3", "-q",
                                   "--temp", "0"};
    words.insert(words.end(), sizes.begin(), sizes.end());
    return starnest_program(words);
  };
  const Finished small = written({"--size", "small"});
  EXPECT_EQ(small.exit_code, 0) << small.err;
  EXPECT_EQ(std::count(small.out.begin(), small.out.end(), ','), 2) << small.out;
  EXPECT_CONTAINS(written({"--think-size", "small", "--answer-size", "full"}).err,
                  "does not say how its thinking opens");
}

TEST(Run, WithoutSizesTheDefaultPlanOfTheFolderRuns) {
  const Finished done = run({"-p", kQuestion});
  EXPECT_EQ(done.out, kThought);
  EXPECT_CONTAINS(done.err, "): small thinks, large answers\n");
}

TEST(Run, AutoLoadsTheLargestSizeThatFitsAndSaysWhy) {
  const std::vector<std::string> words{"-m", kPocket, "--sizes", "auto"};
  const auto with = [&](std::string command, const std::vector<std::string>& more) {
    std::vector<std::string> all{std::move(command)};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), more.begin(), more.end());
    const Finished run = starnest_program(all, "r:a5b+3?");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.err;
  };
  const std::string note = "starnest: note: sizes auto: 'large', which needs ";
  EXPECT_CONTAINS(with("run", {}), note);
  EXPECT_CONTAINS(with("run", {"-c", "64"}), "with a context of 64 tokens");
  EXPECT_CONTAINS(with("chat", {}), note);
  EXPECT_CONTAINS(with("eval", {"--task", "r", "-n", "3"}), note);
  EXPECT_CONTAINS(with("eval", {"--task", "r", "-n", "3", "--parallel", "2"}), "with 2 contexts of 4,096 tokens");
  EXPECT_EQ(with("run", {"--quiet"}), "");
}

TEST(Run, SizesSaysHowFarToLoad) {
  const Finished small = starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small"});
  EXPECT_EQ(small.exit_code, 0);
  EXPECT_CONTAINS(small.err, "small thinks, small answers");
  EXPECT_CONTAINS(small.err, "sizes     small ");
  const Finished other =
      starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small,medium", "--size", "large"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_CONTAINS(other.err, "size 'large' is not loaded. Loaded: medium, small");
  const Finished both = starnest_program({"run", "-m", kPocket, "-p", "r:a5b+3?", "--sizes", "small,auto"});
  EXPECT_CONTAINS(both.err, "there is no size 'auto'");
}

TEST(Run, EffortsChangeTheTrace) {
  EXPECT_EQ(run({"-p", kQuestion, "--effort", "e1", "--size", "large"}).out, "a5;b8;c6;d4;\n4\n");
  const Finished none = run({"-p", kQuestion, "--effort", "e0", "--size", "large"});
  EXPECT_EQ(none.out.size(), 2u) << none.out;  // one digit
  EXPECT_CONTAINS(none.err, "[large answers]\n");
}

TEST(Run, ABudgetEndsThinkingAtABoundaryOrHard) {
  const Finished boundary = run({"-p", kQuestion, "--size", "large", "--think-budget", "10", "--think-grace", "8"});
  EXPECT_CONTAINS(boundary.out, "a5;b+38;c*76;\n");
  EXPECT_CONTAINS(boundary.err, "end boundary");
  const Finished hard = run({"-p", kQuestion, "--size", "large", "--think-budget", "5", "--think-grace", "0"});
  EXPECT_CONTAINS(hard.out, "a5;b+\n");
  EXPECT_CONTAINS(hard.err, "end forced");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--think-budget", "0"}).err, "thinking  0 tokens by small, end forced");
}

TEST(Run, PenaltiesAndBiasChangeWhatIsGreedilyChosen) {
  const auto answer = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"-p", kQuestion, "--think-budget", "0"});
    return run(more);
  };
  const Finished plain = answer({}), biased = answer({"--logit-bias", "30=1e9,31=2", "--presence-penalty", "2e9"});
  EXPECT_EQ(biased.exit_code, 0) << biased.err;
  EXPECT_NE(biased.out, plain.out);
  EXPECT_CONTAINS(biased.err, "sampling  greedy, presence penalty 2e+09, bias on 2 tokens\n");
  EXPECT_CONTAINS(answer({"--repeat-penalty", "1.5"}).err, "sampling  greedy, repetition penalty 1.5\n");
  EXPECT_CONTAINS(answer({"--repetition-penalty", "0"}).err, "repetition-penalty: is out of range");
  EXPECT_CONTAINS(answer({"--logit-bias", "9999=1"}).err, "logit-bias: names a token outside the vocabulary");
  const Finished wrong = answer({"--logit-bias", "12"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_CONTAINS(wrong.err, "not of the form NUMBER=VALUE: '12'");
}

TEST(Run, AFlagWinsOverGenerationConfigAndWhatIsNotImplementedIsNamed) {
  const TestFolder folder;
  copy_pocket(folder / "model", R"({"eos_token_id": 2, "top_p": 7, "num_beams": 4, "repetition_penalty": 1.3})");
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"run", "-m", (folder / "model").string(), "-p", kQuestion});
    return starnest_program(more);
  };
  EXPECT_CONTAINS(with({}).err, "generation_config.json: key 'top_p': is out of range");
  const Finished mended = with({"--top-p", "1"});
  EXPECT_EQ(mended.exit_code, 0) << mended.err;
  EXPECT_CONTAINS(mended.err, "greedy, repetition penalty 1.3\n");
  EXPECT_CONTAINS(mended.err, "generation_config.json: not implemented here, and not used: num_beams\n");
  EXPECT_EQ(with({"--top-p", "1", "--repetition-penalty", "1"}).out, kThought);
}

TEST(Eval, ALikelihoodNeedsNoSamplingAndRefusesWhatIsOnlyForGenerating) {
  const TestFolder folder;
  copy_pocket(folder / "model", R"({"eos_token_id": 2, "top_p": 7})");
  put_file(folder / "text.txt", "a5;b+38;");
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"eval", "-m", (folder / "model").string(), "--text", (folder / "text.txt").string(), "--start", ""});
    return starnest_program(more);
  };
  EXPECT_EQ(eval({}).exit_code, 0) << eval({}).err;
  EXPECT_CONTAINS(eval({"--think-budget", "3", "--temp", "1"}).err, "--think-budget, --temp: means nothing here");
}

TEST(Run, APlainTextModelTakesThePromptAsItStandsAndSaysSoOnce) {
  const auto written = [](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"run", "-m", STARNEST_SOURCE_DIR "/models/storyteller", "-p", "Once upon a time", "-n", "8"});
    return starnest_program(more);
  };
  const Finished plain = written({}), raw = written({"--raw"});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(plain.out, raw.out);
  const std::string note = "starnest: note: the folder has no prompt format";
  EXPECT_CONTAINS(plain.err, note);
  EXPECT_EQ(plain.err.find(note), plain.err.rfind(note));
  EXPECT_EQ(raw.err.find(note), std::string::npos) << raw.err;
  EXPECT_EQ(written({"-q"}).err, "");
  EXPECT_CONTAINS(written({"--effort", "e1"}).err, "; --effort means nothing there\n");
}

TEST(Run, TheTemplateMayStandInTokenizerConfigAndAnUnknownOneIsRefused) {
  const TestFolder folder;
  const std::filesystem::path model = folder / "model";
  copy_pocket(model, file_text(kPocket + "/generation_config.json"));
  std::filesystem::remove(model / "chat_template.jinja");
  nlohmann::json config;
  config["chat_template"] = file_text(kPocket + "/chat_template.jinja") + "\n";
  put_file(model / "tokenizer_config.json", config.dump());
  EXPECT_EQ(starnest_program({"run", "-m", model.string(), "-p", kQuestion, "-q"}).out, kThought);
  put_file(model / "chat_template.jinja", "{{ messages }}");
  EXPECT_CONTAINS(starnest_program({"run", "-m", model.string(), "-p", kQuestion}).err,
                  "a prompt format that is not known");
}

TEST(Run, ALinkToNothingAndAnLfsPointerAreNamedInEveryPartOfTheFolder) {
  for (const char* name : {"config.json", "tokenizer.json", "generation_config.json", "chat_template.jinja",
                           "elastic.json", "model.safetensors"}) {
    const TestFolder folder;
    const std::filesystem::path model = folder / "model";
    copy_pocket(model, file_text(kPocket + "/generation_config.json"));
    const auto error = [&] { return starnest_program({"run", "-m", model.string(), "-p", kQuestion}).err; };
    put_file(model / name, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
    EXPECT_CONTAINS(error(), std::string(name) + ": is a Git LFS pointer");
    std::filesystem::remove(model / name);
    std::filesystem::create_symlink("../../blobs/0ff", model / name);
    EXPECT_CONTAINS(error(), std::string(name) + ": is a link to nothing: it points to ../../blobs/0ff");
  }
}

TEST(Run, RawTextAndIdsGiveTheSameTokens) {
  const Finished raw = run({"-p", "<bos>" + kQuestion + "<e2><think>", "--raw", "--size", "small"});
  EXPECT_EQ(raw.out, kThought);
}

TEST(Run, ASeedRepeatsASampledRun) {
  const std::vector<std::string> sampled{"-p", kQuestion, "--size", "small", "--temp", "3", "-s", "7"};
  EXPECT_EQ(run(sampled).out, run(sampled).out);
  EXPECT_CONTAINS(run(sampled).err, "sampling  temperature 3, seed 7\n");
  EXPECT_CONTAINS(run(sampled).err, "seed      7\n");
  EXPECT_CONTAINS(run({"-p", kQuestion, "--temp", "1"}).err, "\nseed      ");
}

TEST(Run, SaysOnStandardErrorWhatRunsAndHow) {
  const std::string err = run({"-p", kQuestion, "-t", "1", "--kv-dtype", "bf16", "-c", "100"}).err;
  EXPECT_EQ(
      err.rfind("model     " + kPocket + " (nemotron_h): small thinks, large answers\nsizes     large 1.02 MiB, ", 0),
      0u)
      << err;
  EXPECT_CONTAINS(err, "inside it medium 688.97 KiB, inside it small 463.03 KiB; ");
  EXPECT_CONTAINS(err, " resident\ntypes     weights F32, keys and values BF16\nkernels   ");
  EXPECT_CONTAINS(err, ", 1 thread\ncontext   100 tokens of the 4,096 that the model allows\nsampling  greedy\n");
  EXPECT_CONTAINS(err, "expected  at most ");
  EXPECT_CONTAINS(err, " tokens/s answering: the weights of a token read at ");
}

TEST(Run, QuietLeavesStandardErrorToErrors) {
  for (const char* flag : {"-q", "--quiet"}) {
    const Finished done = run({"-p", kQuestion, flag});
    EXPECT_EQ(done.out, kThought);
    EXPECT_EQ(done.err, "");
  }
  EXPECT_CONTAINS(run({"-p", kQuestion, "-q", "--size", "x"}).err, "there is no size 'x'");
}

TEST(Run, ThePromptComesFromAFileOrAPipeWithoutItsFinalLineBreak) {
  const TestFolder folder;
  const auto answer = [&](const std::string& text, const std::vector<std::string>& more) {
    const std::string file = folder.write("prompt", text).string();
    const Finished from_file = run({"-f", file, "-q", "--effort", "e0"});
    std::vector<std::string> piped{"-q", "--effort", "e0"};
    piped.insert(piped.end(), more.begin(), more.end());
    const Finished from_pipe = run(piped, text);
    EXPECT_EQ(from_pipe.exit_code, from_file.exit_code);
    EXPECT_EQ(from_pipe.out, from_file.out);
    return from_file.out + from_file.err;
  };
  const std::string expected = run({"-p", kQuestion, "-q", "--effort", "e0"}).out;
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"-f", "-"}}) {
    EXPECT_EQ(answer(kQuestion, more), expected);
    EXPECT_EQ(answer(kQuestion + "\n", more), expected);
    EXPECT_EQ(answer(kQuestion + "\r\n", more), expected);
    EXPECT_CONTAINS(answer("\n", more), "is empty");
    EXPECT_CONTAINS(answer("abc\xe2\x82", more), "is not valid UTF-8 at byte 3");
  }
  // One line break only: what is left of two is a character that this model cannot spell.
  EXPECT_EQ(run({"-f", folder.write("two", kQuestion + "\n\n").string()}).exit_code,
            run({"-p", kQuestion + "\n"}).exit_code);
}

TEST(Run, NeverWaitsSilentlyForATerminal) {
  const Finished done = starnest_program_on_terminal({"run", "-m", kPocket});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_CONTAINS(done.err, "-p, -f, --ids or a pipe on standard input is required");
  EXPECT_EQ(starnest_program_on_terminal({"run", "-m", kPocket, "-p", kQuestion}).out, kThought);
}

TEST(Run, StopTextsEndTheAnswerOnly) {
  // The trace as an answer: other tags open and close thinking here.
  const TestFolder folder;
  copy_pocket(folder / "model", R"({"eos_token_id": 2, "think_start_ids": [0], "think_end_ids": [[0]]})");
  const auto answer = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"run", "-m", (folder / "model").string(), "--raw", "-p", "<bos>" + kQuestion + "<e2><think>a5;"});
    return starnest_program(more);
  };
  EXPECT_EQ(answer({}).out, "b+38;c*76;d-24;4\n");
  const Finished done = answer({"--stop", "xyz", "--stop", "76;d"});
  EXPECT_EQ(done.out, "b+38;c*\n");
  EXPECT_CONTAINS(done.err, ", ended at --stop\n");
  EXPECT_EQ(answer({"--stop", "[8;c*]"}).out, "b+38;c*76;d-24;4\n");  // not a list
  EXPECT_EQ(run({"-p", kQuestion, "--stop", "76"}).out, kThought);
}

TEST(Run, SamplesAsTheFolderSaysUnlessToldOtherwise) {
  const TestFolder folder;
  const std::string tail = R"("eos_token_id": 2, "think_boundary_token_ids": [49]})";
  copy_pocket(folder / "hot",
              R"({"do_sample": true, "temperature": 3, "top_k": 20, "top_p": 0.9, "min_p": 0.01, )" + tail);
  const auto sampling = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"run", "-m", (folder / "hot").string(), "-p", kQuestion, "-s", "5"});
    const Finished done = starnest_program(more);
    const size_t at = done.err.find("sampling  ");
    return at == std::string::npos ? done.err : done.err.substr(at + 10, done.err.find('\n', at) - at - 10);
  };
  EXPECT_EQ(sampling({}), "temperature 3, top-k 20, top-p 0.9, min-p 0.01, seed 5");
  EXPECT_EQ(sampling({"--temp", "0"}), "greedy");
  EXPECT_EQ(sampling({"--temp", "0.5", "--top-k", "0"}), "temperature 0.5, top-p 0.9, min-p 0.01, seed 5");
  EXPECT_EQ(sampling({"--top-p", "1", "--min-p", "0"}), "temperature 3, top-k 20, seed 5");

  copy_pocket(folder / "cold", R"({"do_sample": false, "temperature": 3, "top_k": 20, )" + tail);
  const std::string cold = folder / "cold";
  EXPECT_CONTAINS(starnest_program({"run", "-m", cold, "-p", kQuestion}).err, "sampling  greedy\n");
  EXPECT_CONTAINS(starnest_program({"run", "-m", cold, "-p", kQuestion, "--temp", "1", "-s", "2"}).err,
                  "sampling  temperature 1, top-k 20, seed 2\n");

  copy_pocket(folder / "bad", R"({"top_p": 7, )" + tail);
  const Finished bad = starnest_program({"run", "-m", folder / "bad", "-p", kQuestion});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_CONTAINS(bad.err, "generation_config.json: key 'top_p': is out of range");
}

// A text without an end: nothing stops it but its context of a million tokens.
std::vector<std::string> endless(const TestFolder& folder) {
  const std::filesystem::path model = folder / "endless";
  copy_pocket(model, R"({"eos_token_id": [0]})");
  std::string config = file_text(model / "config.json");
  const std::string from = "\"max_position_embeddings\": 4096";
  config.replace(config.find(from), from.size(), "\"max_position_embeddings\": 1000000");
  put_file(model / "config.json", config);
  // Always the token of '5', so that every step writes text, whatever the instruction set.
  return {"run",    "-m", model,          "-p",      kQuestion, "--raw",  "--size", "small",
          "--temp", "0",  "--logit-bias", "39=1000", "-n",      "900000", "-t",     "1"};
}

TEST(Run, CtrlCEndsTheTextWithStatistics) {
  const TestFolder folder;
  const std::vector<std::string> arguments = endless(folder);
  for (const int signal : {SIGINT, SIGTERM}) {
    RunningProgram program(arguments);
    program.wait_for_output(10);
    program.send(signal);
    const Finished done = program.finish();
    EXPECT_EQ(done.exit_code, 128 + signal) << done.err;
    EXPECT_GE(done.out.size(), 10u);
    EXPECT_EQ(done.out.back(), '\n');
    EXPECT_CONTAINS(done.err, "\nanswer    ");
    EXPECT_CONTAINS(done.err, ", interrupted\n");
    EXPECT_EQ(done.err.find("error"), std::string::npos) << done.err;
  }
}

TEST(Run, ASecondCtrlCEndsItAtOnce) {
  const TestFolder folder;
  RunningProgram program(endless(folder));
  program.wait_for_output(4096);  // the pipe is full: the program waits inside a step's output
  for (int i = 0; i < 1000 && !program.has_ended(); ++i) {
    program.send(SIGINT);
    ::usleep(10000);
  }
  ASSERT_TRUE(program.has_ended());
  const Finished done = program.finish();
  EXPECT_EQ(done.exit_code, 128 + SIGINT);
  EXPECT_EQ(done.err.find("interrupted"), std::string::npos) << done.err;
}

TEST(Run, BadInputIsAMessageAndAnExitCode) {
  const auto expect = [](const std::vector<std::string>& arguments, int code, const std::string& part) {
    const Finished done = run(arguments);
    EXPECT_EQ(done.exit_code, code) << done.err;
    EXPECT_CONTAINS(done.err, part);
    EXPECT_EQ(done.out, "");
  };
  expect({"-p", kQuestion, "--size", "smal"}, 1, "there is no size 'smal'. Did you mean 'small'?");
  expect({"-p", "r:A?"}, 1, "'A'");
  expect({"-p", "r:\xff?"}, 1, "prompt: is not valid UTF-8 at byte 2");
  expect({"-p", kQuestion, "--effort", "e9"}, 1, "'e9' is not known");
  expect({"--ids", "1,64"}, 1, "token id 64: is not in the vocabulary");
  expect({"--ids", "1,-3"}, 1, "token id -3: is not in the vocabulary");
  expect({"-p", kQuestion, "--temp", "-1"}, 1, "temperature: is out of range");
  expect({"-p", kQuestion, "-t", "100000"}, 1, "threads: is out of range");
  expect({"-p", kQuestion, "-t", "-4"}, 1, "threads: is out of range");
  expect({"-p", kQuestion, "-n", "0"}, 1, "max-tokens: is out of range");
  expect({"-p", kQuestion, "-n", "3", "--answer-reserve", "3"}, 1, "leaves no room");
  expect({"-p", kQuestion, "--size", "small", "--think-size", "large"}, 2, "--think-size");
  expect({}, 1, "prompt (standard input): is empty");
  expect({"-p", kQuestion, "-f", "x"}, 2, "excludes");
  expect({"--ids", "1", "-f", "x"}, 2, "excludes");
  expect({"-f", "/nowhere/prompt"}, 1, "/nowhere/prompt: cannot open (No such file");
  expect({"-f", "/"}, 1, "cannot be read (Is a directory)");
  expect({"-p", kQuestion, "--stop", ""}, 1, "stop: is empty");
  expect({"-p", kQuestion, "--top-k", "-1"}, 1, "top-k: is out of range");
  expect({"-p", kQuestion, "--top-p", "0"}, 1, "top-p: is out of range");
  expect({"-p", kQuestion, "--min-p", "1.5"}, 1, "min-p: is out of range");
  expect({"-p", kQuestion, "--kv-dtype", "fp8"}, 1, "kv-dtype: is not known");
  expect({"-p", kQuestion, "-c", "4097"}, 1, "ctx-size: is out of range; expected 0 to 4096, got 4097");
  expect({"-p", kQuestion, "-c", "17"}, 1, "expected fewer than 17 tokens, got 17");
  expect({"-p", ""}, 1, "prompt: is empty");
  for (const std::string ids : {"", "1,2,", "1,,2", "1,x", "1,99999999999"})
    expect({"--ids", ids}, 2, "list of token ids");
  expect({"-p", kQuestion, "-n", "1"}, 1, "leaves no room");
  expect({"-p", kQuestion, "--answer-reserve", "2147483647"}, 1, "answer-reserve: is out of range");
  expect({"-p", kQuestion, "--think-bugdet", "3"}, 2, "--think-budget");
}

TEST(Logits, ChunksAndSlicesGiveTheSameBytes) {
  const TestFolder folder;
  const auto logits = [&](const std::string& model, const std::string& size, const std::string& chunk,
                          const std::string& name) {
    const Finished done = starnest_program({"logits", "-m", model, "--size", size, "--ids", "1,25,50,8,39,9,44,37,7,3",
                                            "--chunk", chunk, "-o", (folder / name).string()});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return file_text(folder / name);
  };
  const std::string whole = logits(kPocket, "small", "0", "whole");
  EXPECT_EQ(logits(kPocket, "small", "3", "chunks"), whole);
  EXPECT_EQ(starnest_program({"slice", "-m", kPocket, "--size", "small", "-o", (folder / "cut").string()}).exit_code,
            0);
  EXPECT_EQ(logits((folder / "cut").string(), "full", "1", "sliced"), whole);
  EXPECT_NE(logits(kPocket, "medium", "0", "medium"), whole);
  const SafetensorsFile file(folder / "whole");
  EXPECT_EQ(file.find("logits")->shape, (std::vector<uint64_t>{10, 64}));
}

TEST(Eval, WritesAReportThatFitsWhatItPrints) {
  const TestFolder folder;
  const Finished done = starnest_program({"eval", "-m", kPocket, "--task", "r", "--effort", "e2", "-n", "60",
                                          "--think-size", "small", "--answer-size", "large", "--think-budget", "30",
                                          "--think-grace", "4", "--json", (folder / "report.json").string()});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  const nlohmann::json report = nlohmann::json::parse(file_text(folder / "report.json"));
  EXPECT_EQ(report["result"]["n"], 60);
  EXPECT_EQ(report["stages"][0]["size"], "small");
  EXPECT_EQ(report["stages"][0]["until"], "tag");
  EXPECT_EQ(report["stages"][1]["until"], "end");
  const auto& ends = report["think_ends"];
  EXPECT_EQ(
      ends["natural"].get<int>() + ends["boundary"].get<int>() + ends["forced"].get<int>() + ends["stopped"].get<int>(),
      60);
  EXPECT_GT(ends["boundary"].get<int>() + ends["forced"].get<int>(), 0);
  EXPECT_LE(report["result"]["wilson_low"], report["result"]["accuracy"]);
  EXPECT_CONTAINS(done.out, std::to_string(report["result"]["right"].get<int>()) + " of 60 right");
}

TEST(Eval, TheShippedModelSolvesItsTaskAtEverySizeAndNotWithoutThinking) {
  const auto right = [](const std::string& size, const std::string& effort) {
    const Finished done = starnest_program({"eval", "-m", kPocket, "-n", "200", "--size", size, "--effort", effort});
    return std::stoi(done.out.substr(done.out.find(": ") + 2));
  };
  for (const std::string size : {"large", "medium", "small"}) {
    EXPECT_GE(right(size, "e2"), 196) << size;
    EXPECT_LE(right(size, "e0"), 50) << size;
  }
}

TEST(Device, RefComputesTheSameToRoundingAndIsNamedInTheReports) {
  const TestFolder folder;
  const auto logits = [&](const std::string& device) {
    const std::string out = (folder / device).string();
    const Finished done = starnest_program(
        {"logits", "-m", kPocket, "--size", "small", "--ids", "1,25,50,8,39,9,44", "--device", device, "-o", out});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const SafetensorsFile file(out);
    const std::span<const std::byte> bytes = file.bytes(*file.find("logits"));
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  };
  const std::vector<float> cpu = logits("cpu"), ref = logits("ref");
  ASSERT_EQ(cpu.size(), ref.size());
  for (size_t i = 0; i < cpu.size(); ++i) ASSERT_NEAR(cpu[i], ref[i], 0.5) << i;
  EXPECT_NE(cpu, ref);  // another order of sums
  const Finished done = run({"--device", "ref", "-n", "2", "--ids", "1,25,50"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_CONTAINS(done.err + done.out, "ref");
}

TEST(Device, AnUnknownOneIsRefusedWithTheList) {
  const Finished done = starnest_program({"logits", "-m", kPocket, "--ids", "1", "--device", "gpu", "-o", "none"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_CONTAINS(done.err, "device: 'gpu' is not known to this build; expected cpu or ref");
}

}  // namespace
}  // namespace starnest
