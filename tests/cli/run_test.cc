// `starnest run`: prompts, sampling, messages, interrupts.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "format/weights/safetensors.h"
#include "run_pocket.h"

namespace starnest {
namespace {

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
  expect({"-p", kQuestion, "--kv-dtype", "fp4"}, 1, "kv-dtype: is not known");
  expect({"-p", kQuestion, "-c", "4097"}, 1, "ctx-size: is out of range; expected 0 to 4096, got 4097");
  expect({"-p", kQuestion, "-c", "17"}, 1, "expected fewer than 17 tokens, got 17");
  expect({"-p", ""}, 1, "prompt: is empty");
  for (const std::string ids : {"", "1,2,", "1,,2", "1,x", "1,99999999999"})
    expect({"--ids", ids}, 2, "list of token ids");
  expect({"-p", kQuestion, "-n", "1"}, 1, "leaves no room");
  expect({"-p", kQuestion, "--answer-reserve", "2147483647"}, 1, "answer-reserve: is out of range");
  expect({"-p", kQuestion, "--think-bugdet", "3"}, 2, "--think-budget");
}

}  // namespace
}  // namespace starnest
