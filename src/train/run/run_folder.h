// Where a training job writes: the model folder itself, and inside it `training/` with the log and the checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/output.h"
#include "format/json/jsonl.h"
#include "train/distill/optimizer.h"
#include "train/run/run_checkpoints.h"

namespace starnest::train {

struct RunSettings {
  std::string out = {};        // folder to make
  bool resume = false;         // go on from the checkpoint in `out`
  int64_t seed = 1;            // of data and initial weights
  int steps = 1000;            // optimiser steps
  int threads = 1;             // of LibTorch; results are repeatable for one number of threads
  int checkpoint_every = 250;  // steps
  int dev_every = 250;         // steps between measurements on the development split; 0: only at the end
  int dev_problems = 600;      // problems of each measurement

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("out", &RunSettings::out, "folder to make");
    field("resume", &RunSettings::resume, "go on from the checkpoint in the folder");
    field("seed", &RunSettings::seed, "of data and initial weights");
    field("steps", &RunSettings::steps, "optimiser steps");
    field("threads", &RunSettings::threads, "threads of LibTorch; results repeat for one number of threads");
    field("checkpoint_every", &RunSettings::checkpoint_every, "steps between checkpoints");
    field("dev_every", &RunSettings::dev_every, "steps between measurements on the development split; 0 = at the end");
    field("dev_problems", &RunSettings::dev_problems, "problems of each measurement");
  }
};

// Said by a resumed run that was at its end: it only writes its model again.
inline constexpr const char* kNothingLeft = "all steps are done; the model is written again";

// Where a run stands after `step` steps.
struct TrainState {
  int64_t step = 0;
  int64_t tokens = 0;      // read so far, padding not counted
  int64_t overloaded = 0;  // steps in a row with a badly balanced expert
};

// Not thread-safe. Every failure to write is an Error, and the constructor finds an unwritable folder before any work.
// With several processes only the first reads and writes here, so the others need not see the folder; all of them call
// every function.
class RunFolder {
 public:
  // `job`: the settings of the job as text, with the contents of its inputs (input_content.h). A run may be resumed
  // only with the same job, seed and number of steps. Throws Error when the folder is not empty and `resume` is not
  // set, or when it is set and there is no checkpoint, or when another run is going on in the folder, or when a process
  // has other settings. Refers to `ranks`.
  RunFolder(const RunSettings& settings, const std::string& job, const Ranks& ranks);

  const std::filesystem::path& path() const { return out_; }

  // `average` (distill/weight_average.h), here and below, may be null: then there is none. `more`: further F32 tensors
  // in use that a resumed run needs, by name. Restores weights, average, optimiser and state when resuming, with any
  // number of processes (from the checkpoint before the newest, with a warning on standard error, when the newest is
  // damaged), and cuts the log back to that step; else the start state. Throws Error when the checkpoint was made with
  // other settings.
  TrainState start(const Weights& weights, AdamW& optimizer, const Weights* average = nullptr,
                   const std::map<std::string, Tensor>& more = {});

  // The last good checkpoint stays until the new one is on disk.
  void save(const Weights& weights, const AdamW& optimizer, const TrainState& state, const Weights* average = nullptr,
            const std::map<std::string, Tensor>& more = {});

  // A step whose loss or gradient is not a number: throws Error naming it, what of it (`part`, e.g. "batch 7, size
  // small") and the checkpoint to go on from.
  [[noreturn]] void stop_at_nan(int64_t step, const std::string& part) const;

  void log(const JsonLine& line);  // one line per step

 private:
  std::filesystem::path training() const { return out_ / "training"; }
  std::filesystem::path log_path() const { return training() / "log.jsonl"; }
  std::filesystem::path lock_path() const { return training() / "lock"; }
  void check_usable() const;
  void take();
  TrainState read_checkpoint(const std::map<std::string, Tensor>& into);

  const Ranks& ranks_;
  std::filesystem::path out_;
  RunCheckpoints checkpoints_;
  bool resume_;
  std::string identity_;
  std::optional<FileLock> lock_;  // of the first process
  std::unique_ptr<JsonlWriter> log_;
};

}  // namespace starnest::train
