// Evaluations, benchmarks and studies as sections of a page.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "report/page.h"
#include "report/statistics.h"

namespace starnest {

// What `starnest eval --task T --json FILE` writes.
struct EvaluationFile {
  struct Stage {
    std::string size, until;  // "tag", "end" or a rule, as `--stages` has it
  };
  std::string task, effort, hand_over;
  std::vector<Stage> stages;  // of the plan, at least one
  int think_budget = -1;    // tokens; negative: no limit
  int parallel = 0;         // questions that shared steps
  Tally tally;
  double seconds = 0;                                                           // of all questions
  double prompt_tokens = 0, thinking_tokens = 0, answer_tokens = 0, bytes = 0;  // means per question
  double think_active = 0, answer_active = 0;                                   // parameters

  double accuracy() const { return 100 * double(tally.successes) / double(tally.trials); }
  bool one_size() const;
  std::string plan() const;  // "small", "small->large->small"; with another hand-over than recompute, this too
};

struct BenchFile {
  std::string model, kernel_path;
  double resident_bytes = 0;
  struct Size {
    std::string name;
    double prefill = 0, decode = 0, share_of_read = 0;  // tokens/s; decode's share of a plain read; 0: not measured
  };
  std::vector<Size> sizes;
};

struct StudyFile {
  std::string name, question, unit;
  Table claims, arms;
};

struct ReportFiles {
  std::vector<EvaluationFile> evaluations;
  std::vector<BenchFile> benches;
  std::vector<StudyFile> studies;
};

// Tells the kinds apart by their keys. Throws Error naming a file that is none of them.
ReportFiles read_report_files(std::span<const std::filesystem::path> files);

// The points that no other one beats: none is at most as far right and higher, or further left and as high. By x.
std::vector<std::pair<double, double>> pareto_front(std::vector<std::pair<double, double>> points);

// Seconds that an evaluation's plan would take elsewhere; not a number where that is not known.
using Projection = std::function<double(const EvaluationFile&)>;

// In this order: accuracy against active parameters; for each task and effort the plans against measured seconds (of
// files whose questions ran alone), bytes moved and projected seconds, each with its front; budget curves; speeds;
// studies.
std::vector<Section> sections_of(const ReportFiles& files, const Projection& projection = {});

}  // namespace starnest
