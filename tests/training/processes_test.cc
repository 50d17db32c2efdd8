// Several processes that train one model: the same curve as one, and no process waits for one that is gone.
#include <memory>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "training_process.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr auto kLimit = std::chrono::seconds(60);

std::string free_port() {
  const int file = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(file, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(file);
  return std::to_string(ntohs(address.sin_port));
}

class TrainingTogether : public ::testing::Test {
 protected:
  using Processes = std::vector<std::unique_ptr<TrainingProcess>>;

  // One process per entry, in the order of processes.
  Processes start(const std::vector<std::vector<std::string>>& commands) {
    Processes processes;
    const std::string port = free_port();
    for (size_t rank = 0; rank < commands.size(); ++rank)
      processes.push_back(std::make_unique<TrainingProcess>(
          commands[rank],
          std::map<std::string, std::string>{{"RANK", std::to_string(rank)},
                                             {"WORLD_SIZE", std::to_string(commands.size())},
                                             {"MASTER_ADDR", "127.0.0.1"},
                                             {"MASTER_PORT", port}},
          output(rank)));
    return processes;
  }
  // Each ends with exit code 0.
  void run(size_t count, const std::vector<std::string>& command) {
    for (auto& process : start(std::vector(count, command))) ASSERT_EQ(process->exit_code_within(kLimit), 0) << said(0);
  }

  fs::path output(size_t rank) const { return folder_ / ("rank" + std::to_string(rank)); }
  std::string said(size_t rank) const { return read_text(output(rank)); }
  std::vector<JsonRecord> log(const std::string& run) const {
    return read_jsonl(folder_ / run / "training" / "log.jsonl");
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TestFolder folder_;
};

// Of the whole curve: sums over rows in another order differ in the last bits only.
void expect_same_curve(const std::vector<JsonRecord>& a, const std::vector<JsonRecord>& b, double tolerance,
                       double (*value)(const JsonRecord&)) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(value(a[i]), value(b[i]), tolerance * (1 + std::abs(value(a[i])))) << "step " << i;
    EXPECT_EQ(a[i].integer("tokens"), b[i].integer("tokens"));
  }
}

TEST_F(TrainingTogether, GivesTheCurveOfOneProcessAlsoAcrossAResumeWithAnotherNumber) {
  run(1, tiny_parent(path("one"), 30));
  run(2, tiny_parent(path("two"), 30));
  const auto loss = [](const JsonRecord& line) { return line.number("loss"); };
  const auto norm = [](const JsonRecord& line) { return line.number("gradient_norm"); };
  expect_same_curve(log("one"), log("two"), 2e-4, loss);
  expect_same_curve(log("one"), log("two"), 2e-3, norm);
  EXPECT_EQ(said(1), "");  // only the first one speaks

  // A checkpoint of two processes, gone on with by three.
  Processes stopped = start({tiny_parent(path("part"), 30), tiny_parent(path("part"), 30)});
  const fs::path checkpoint = folder_ / "part" / "training" / "checkpoint.safetensors";
  while (!fs::exists(checkpoint) && !stopped[1]->exit_code_within(std::chrono::milliseconds(1))) continue;
  stopped.clear();
  std::vector<std::string> resume = tiny_parent(path("part"), 30);
  resume.push_back("--resume");
  run(3, resume);
  expect_same_curve(log("one"), log("part"), 2e-4, loss);
}

TEST_F(TrainingTogether, ElasticSizesLearnAsInOneProcess) {
  run(1, tiny_parent(path("parent"), 3));
  const auto family = [&](const std::string& out) {
    return std::vector<std::string>{"elastify",
                                    "--model",
                                    path("parent"),
                                    "--out",
                                    path(out),
                                    "--size",
                                    "large",
                                    "--size",
                                    "small:hidden_size=16",
                                    "--steps",
                                    "20",
                                    "--dev-problems",
                                    "20",
                                    "--average",
                                    "0.9",
                                    "--batch-rows",
                                    "8",
                                    "--batch-group",
                                    "2"};
  };
  run(1, family("one"));
  run(2, family("two"));
  for (const char* size : {"large", "small"}) {
    const std::vector<JsonRecord> one = log("one"), two = log("two");
    ASSERT_EQ(one.size(), two.size());
    for (size_t i = 1; i < one.size(); ++i)  // after the line of before distillation
      for (const char* key : {"kl", "gradient_norm", "worst_load"})
        EXPECT_NEAR(one[i].object("sizes").object(size).number(key), two[i].object("sizes").object(size).number(key),
                    2e-3 * (1 + one[i].object("sizes").object(size).number(key)))
            << size << " " << key << " step " << i;
  }
  EXPECT_TRUE(fs::exists(folder_ / "two" / "elastic.json"));
}

TEST_F(TrainingTogether, AKilledProcessEndsTheOthersWithAMessage) {
  for (const size_t victim : {1u, 0u}) {
    const std::string name = "killed" + std::to_string(victim);
    Processes processes = start(std::vector(2, tiny_parent(path(name), 100000)));
    while (!fs::exists(folder_ / name / "training" / "checkpoint.safetensors"))
      ASSERT_FALSE(processes[0]->exit_code_within(std::chrono::milliseconds(5))) << said(0);
    processes[victim]->kill();
    const size_t other = 1 - victim;
    EXPECT_EQ(processes[other]->exit_code_within(std::chrono::seconds(10)), 1);
    EXPECT_NE(said(other).find("lost the connection to another process"), std::string::npos) << said(other);
    EXPECT_NE(said(other).find("--resume"), std::string::npos) << said(other);
  }
}

TEST_F(TrainingTogether, RefusesOtherSettingsAndTooManyProcesses) {
  Processes different = start({tiny_parent(path("a"), 5), tiny_parent(path("a"), 6)});
  EXPECT_EQ(different[1]->exit_code_within(kLimit), 1);
  EXPECT_NE(said(1).find("has other settings than process 0"), std::string::npos) << said(1);
  EXPECT_EQ(different[0]->exit_code_within(kLimit), 1);

  std::vector<std::string> few = tiny_parent(path("few"), 5);
  few[few.size() - 3] = "1";  // --batch-rows
  for (auto& process : start({few, few})) EXPECT_EQ(process->exit_code_within(kLimit), 1);
  EXPECT_NE(said(0).find("--batch-rows"), std::string::npos) << said(0);
}

}  // namespace
}  // namespace starnest
