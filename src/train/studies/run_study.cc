#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "base/child_process.h"
#include "base/file.h"
#include "base/output.h"
#include "base/range.h"
#include "base/text.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "train/run/run_checkpoints.h"
#include "train/studies/studies.h"
#include "train/studies/study_report.h"

namespace starnest::train {
namespace {

namespace fs = std::filesystem;

const std::vector<std::pair<std::string, std::unique_ptr<Study> (*)(const StudySettings&)>> kStudies{
    {"widths", widths_study}, {"twins", twins_study}, {"depth", depth_study}, {"search", search_study}};

// Jobs side by side, each as a process of this program.
class Runner {
 public:
  Runner(const StudySettings& settings, const Progress& progress)
      : out_(settings.out), most_(size_t(settings.side_by_side)), progress_(progress) {}

  // Throws Error when it was done, or begun, with other arguments: studies share jobs.
  bool done(const Job& job) const {
    check_same_arguments(job);
    return fs::exists(out_ / job.name / job.result);
  }

  bool has_room() const { return running_.size() < most_; }

  void start(const Job& job) {
    std::vector<std::string> words{this_program().string()};
    words.insert(words.end(), job.arguments.begin(), job.arguments.end());
    if (begun(job))
      words.push_back("--resume");
    else if (fs::exists(out_ / job.name / "training"))
      fs::remove_all(out_ / job.name);               // killed before its first checkpoint
    fs::remove_all(out_ / (job.name + ".partial"));  // of a job that makes its folder at once
    write_text(arguments_file(job), join(job.arguments, "\n") + "\n");
    print(stdout, "start %s\n", job.name.c_str());
    std::fflush(stdout);
    running_.push_back({job, std::make_unique<ChildProcess>(
                                 words, ChildProcess::Place{.output = output(job), .dies_with_parent = true})});
  }
  bool runs(const Job& job) const {
    return std::any_of(running_.begin(), running_.end(), [&](const auto& r) { return r.job.name == job.name; });
  }
  bool idle() const { return running_.empty(); }

  void wait_for_one() {
    while (true) {
      for (auto entry = running_.begin(); entry != running_.end(); ++entry) {
        const std::optional<int> code = entry->process->exit_code_within(std::chrono::milliseconds(50));
        if (!code) continue;
        const Job job = entry->job;
        running_.erase(entry);
        if (*code != 0 || !done(job)) fail(job);
        ++finished_;
        print(stdout, "done  %s\n", job.name.c_str());
        std::fflush(stdout);
        return;
      }
      if (progress_) progress_(finished_, finished_ + running_.size());
    }
  }

 private:
  struct Running {
    Job job;
    std::unique_ptr<ChildProcess> process;
  };

  fs::path arguments_file(const Job& job) const { return out_ / (job.name + ".arguments"); }

  void check_same_arguments(const Job& job) const {
    const fs::path file = arguments_file(job);
    if (!fs::exists(file) || read_text(file) == join(job.arguments, "\n") + "\n") return;
    throw Error({.where = file.string(),
                 .what = "says that this job was run with other settings",
                 .expected = join(job.arguments, " "),
                 .hint = "Take the same settings, or another --out"});
  }

  fs::path output(const Job& job) const { return out_ / (job.name + ".txt"); }
  bool begun(const Job& job) const { return job.resumable && RunCheckpoints(out_ / job.name / "training").any(); }

  [[noreturn]] void fail(const Job& job) {
    for (Running& other : running_) other.process->ask_to_end();
    for (Running& other : running_) other.process->exit_code_within(std::chrono::seconds(20));
    const std::string text = read_text(output(job));
    const size_t tail = text.size() > 600 ? text.size() - 600 : 0;
    throw Error(
        {.where = "job " + job.name,
         .what = "failed",
         .got = text.substr(tail),
         .hint = "All it printed is in " + output(job).string() + ". What is done stays: the same command goes on"});
  }

  fs::path out_;
  size_t most_;
  Progress progress_;
  std::vector<Running> running_;
  uint64_t finished_ = 0;
};

// The first job of a unit that is neither done nor running and may begin: all before it are done.
std::optional<Job> next_job(const std::vector<Job>& jobs, const Runner& runner) {
  for (const Job& job : jobs) {
    if (runner.runs(job)) return std::nullopt;
    if (!runner.done(job)) return job;
  }
  return std::nullopt;
}

void run_jobs(const StudySettings& settings, const Study& study, const Progress& progress) {
  Runner runner(settings, progress);
  // The first repetition comes first, so that a study that is stopped has whole ones.
  const auto start_one = [&] {
    for (int unit = 1; unit <= study.units(); ++unit)
      if (const auto job = next_job(study.jobs(unit), runner)) {
        runner.start(*job);
        return true;
      }
    return false;
  };
  while (true) {
    if (runner.has_room() && start_one()) continue;
    if (runner.idle()) return;
    runner.wait_for_one();
  }
}

void print_plan(const StudySettings& settings, const Study& study) {
  print(stdout, "%s: %s\n\npredicted:\n", settings.name.c_str(), study.question().c_str());
  for (const Claim& claim : study.claims())
    print(stdout, "  %s (%s against %s, %s)\n", claim.prediction.c_str(), claim.first.c_str(), claim.second.c_str(),
          claim.size.c_str());
  print(stdout, "\njobs of %s 1, as far as they are known:\n", study.unit().c_str());
  for (const Job& job : study.jobs(1))
    print(stdout, "  %-22s %s\n", job.name.c_str(), join(job.arguments, " ").c_str());
}

}  // namespace

std::vector<std::string> study_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kStudies) names.push_back(name);
  return names;
}

std::unique_ptr<Study> make_study(const StudySettings& settings) {
  for (const auto& [name, make] : kStudies)
    if (name == settings.name) return make(settings);
  const std::vector<std::string> names = study_names();
  throw Error({.where = "study",
               .what = "there is no study " + in_quotes(settings.name),
               .hint = suggest(settings.name, names)});
}

void run_study(const StudySettings& given, const Progress& progress) {
  StudySettings settings = given;
  settings.out = fs::proximate(given.out).string();  // so that jobs have one name however the folder is given
  require_at_least("--seeds", settings.seeds, 1);
  require_range("--side-by-side", settings.side_by_side, 1, 1024);
  const std::unique_ptr<Study> study = make_study(settings);
  if (settings.plan) return print_plan(settings, *study);
  fs::create_directories(settings.out);
  const FileLock lock(fs::path(settings.out) / "lock", "the studies in " + in_quotes(settings.out));
  run_jobs(settings, *study, progress);
  const StudyResult result = collect(settings, *study);
  write_text(fs::path(settings.out) / (settings.name + ".json"), to_json(result));
  write_text(fs::path(settings.out) / (settings.name + ".html"), to_page(result));
  print(stdout, "\n%s\n", to_text(result).c_str());
}

}  // namespace starnest::train
