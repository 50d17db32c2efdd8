// Studies of the method: the same question asked with several seeds, as jobs of this program, and what came of it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"

namespace starnest::train {

struct StudySettings {
  std::string name = {};                // one of study_names()
  std::string out = {};                 // folder of all studies; parents are shared between them
  int seeds = 5;                        // repetitions, each with its own parent and data
  int side_by_side = 2;                 // processes at a time, one thread each
  int parent_steps = 2400;              // of a parent
  int steps = 500;                      // of an elastic run
  int short_steps = 120;                // of a run that only processes candidates
  int dev_problems = 600;               // of each measurement
  std::vector<std::string> tasks{"r"};  // names of synthetic tasks
  std::string model = {};               // depth: the sorted model whose blocks are dropped, one at a time
  bool plan = false;                    // print the question, the claims and the jobs; run nothing

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("out", &StudySettings::out, "folder of all studies; parents are shared between them");
    field("seeds", &StudySettings::seeds, "repetitions, each with its own parent and data; depth repeats over blocks");
    field("side_by_side", &StudySettings::side_by_side, "processes at a time, one thread each");
    field("parent_steps", &StudySettings::parent_steps, "optimiser steps of a parent");
    field("steps", &StudySettings::steps, "of an elastic run");
    field("short_steps", &StudySettings::short_steps, "of a run that only processes candidates");
    field("dev_problems", &StudySettings::dev_problems, "problems of each measurement");
    field("tasks", &StudySettings::tasks, "synthetic tasks");
    field("model", &StudySettings::model, "depth: the sorted model whose blocks are dropped");
    field("plan", &StudySettings::plan, "print the question, the claims and the jobs; run nothing");
  }
};

// One run of this program.
struct Job {
  std::string name;  // its folder or file below the study's, e.g. "seed1/parent"
  std::vector<std::string> arguments;
  std::string result;      // below its folder: exists when the job is done
  bool resumable = false;  // takes --resume
};

// Where the numbers of one size of one arm stand.
struct Source {
  std::string size;     // as the study calls it
  std::string job;      // the run
  std::string in_log;   // the size's name in its log; empty for a run of one size that has no sizes
  bool before = false;  // the line before distillation in place of the last one
};

// What a run came to.
struct Outcome {
  double whole = 0, terse = 0, cut = 0;  // development metric in percent: long and terse traces right, answers after a
                                         // cut
  double kl = 0;                         // from the parent, nats per completion position; 0 where it is not measured
  int64_t tokens = 0;                    // read by this size: its passes
  std::vector<std::pair<double, double>> curve;  // (tokens, long traces right in percent)
};
Outcome outcome_of(const std::string& out, const Source& source);

struct Arm {
  std::string name;
  std::vector<Source> sources;
};

// A difference of two arms that was predicted before anything ran. The metric is the share of long traces right.
struct Claim {
  std::string prediction;
  std::string first, second, size;
};

class Study {
 public:
  virtual ~Study() = default;
  virtual std::string question() const = 0;
  virtual std::string unit() const { return "seed"; }  // what is repeated
  virtual int units() const = 0;
  virtual std::vector<Claim> claims() const = 0;
  // In order: a job may read what those before it wrote. Jobs that follow from results appear once these are there.
  virtual std::vector<Job> jobs(int unit) const = 0;
  virtual std::vector<Arm> arms(int unit) const = 0;  // once all jobs are done
};

std::vector<std::string> study_names();
// Throws Error for an unknown name.
std::unique_ptr<Study> make_study(const StudySettings& settings);

// Runs what is not done yet, then writes OUT/NAME.json and OUT/NAME.html and prints the table. Resumable: finished jobs
// stay, stopped ones go on from their last checkpoint. Throws Error with the last lines of a job that fails.
// `progress` is called now and then and may throw to cancel: the jobs that run are then ended.
void run_study(const StudySettings& settings, const Progress& progress = {});

}  // namespace starnest::train
