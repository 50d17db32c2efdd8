#include "train/run/run_folder.h"

#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "base/output.h"
#include "base/range.h"
#include "base/text.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "train/modules/weights_io.h"
#include "train/run/input_content.h"
#include "train/run/settings.h"

namespace starnest::train {
namespace {

// Every tensor that a resumed run needs, by its name in the checkpoint. The tensors are those given, not copies.
std::map<std::string, Tensor> state_tensors(const Weights& weights, const AdamW::Moments& moments,
                                            const Weights* average, const std::map<std::string, Tensor>& more) {
  std::map<std::string, Tensor> tensors = more;
  size_t i = 0;
  for (const Parameter& parameter : weights.all()) {
    const std::string& name = parameter.spec.name;
    tensors["model." + name] = parameter.value.detach();
    if (!parameter.trained()) continue;
    tensors["adam.first." + name] = moments.first[i];
    tensors["adam.second." + name] = moments.second[i];
    if (average) tensors["average." + name] = (*average)(parameter.spec.role, parameter.spec.block);
    ++i;
  }
  return tensors;
}

std::vector<Tensor> values_of(const Weights& weights) {
  std::vector<Tensor> values;
  for (const Parameter& parameter : weights.all()) values.push_back(parameter.value);
  return values;
}

// What to know of the first line in which two settings texts differ.
std::string explain_difference(const std::string& here, const std::string& written) {
  std::istringstream left(here), right(written);
  std::string x, y;
  bool same = true;
  while (same && std::getline(left, x) && std::getline(right, y)) same = x == y;
  if (same) return "They differ in their number";
  const std::string both = in_quotes(x) + " against " + in_quotes(y), key = x.substr(0, x.find(" = "));
  if (!holds_content(x)) return "They differ in " + both;
  if (!holds_content(y))
    return "An earlier version wrote it, which noted where inputs lay and not what they held: " + both +
           ". End the run with that version, or begin anew in another folder";
  return "The input " + in_quotes(key) + " changed, or is another one: " + both +
         ". Restore what the run began with, or begin anew in another folder";
}

using Metadata = std::map<std::string, std::string>;

const std::string& entry(const Metadata& metadata, const std::string& key, const std::string& where) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw Error(where, "is not a checkpoint of a training run");
  return found->second;
}

int64_t number(const Metadata& metadata, const std::string& key, const std::string& where) {
  const std::string& text = entry(metadata, key, where);
  const std::optional<int64_t> value = whole_number<int64_t>(text);
  if (!value)
    throw Error({.where = where, .what = "has a broken entry " + in_quotes(key), .expected = "a number", .got = text});
  return *value;
}

// Keeps the lines up to that of step `last`.
void cut_log(const std::filesystem::path& path, int64_t last) {
  if (!std::filesystem::exists(path)) return;
  int64_t lines = 0;
  for (JsonlReader reader(path); const auto line = reader.next(); ++lines)
    if (line->integer("step") > last) break;
  const std::string text = read_text(path);
  size_t end = 0;
  for (int64_t line = 0; line < lines; ++line) end = std::min(text.find('\n', end), text.size() - 1) + 1;
  write_text(path, text.substr(0, end));
}

}  // namespace

RunFolder::RunFolder(const RunSettings& settings, const std::string& job, const Ranks& ranks)
    : ranks_(ranks),
      out_(settings.out),
      checkpoints_(out_ / "training"),
      resume_(settings.resume),
      identity_("seed = " + std::to_string(settings.seed) + "\nsteps = " + std::to_string(settings.steps) + "\n" +
                job) {
  if (settings.steps < 0) throw Error("--steps", "must not be negative");
  require_at_least("--dev-problems", settings.dev_problems, 1);
  require_at_least("--dev-every", settings.dev_every, 0);
  require_at_least("--checkpoint-every", settings.checkpoint_every, 1);
  if (settings.out.empty()) throw Error("--out", "names no folder");
  if (ranks_.first()) take();
  ranks_.demand_equal("settings", settings_text(settings) + identity_);
}

void RunFolder::check_usable() const {
  std::error_code problem;
  bool used = false;  // training/ and the lock in it are what a run leaves that was refused
  for (std::filesystem::recursive_directory_iterator entry(out_, problem), end; !problem && entry != end; ++entry)
    used = used || (entry->path() != training() && entry->path() != lock_path());
  if (used && !resume_)
    throw Error({.where = out_.string(),
                 .what = "is not empty",
                 .hint = "Give another --out, or --resume to go on with this run"});
  if (resume_ && !checkpoints_.any())
    throw Error(
        {.where = out_.string(), .what = "holds no checkpoint to resume", .expected = checkpoints_.newest().string()});
}

void RunFolder::take() {
  check_usable();
  std::error_code problem;
  std::filesystem::create_directories(training(), problem);
  if (problem) throw Error(out_.string(), "cannot be made: " + problem.message());
  lock_.emplace(lock_path(), "the run in " + in_quotes(out_.string()));
  check_usable();  // another run may have been here until now
  for (const std::filesystem::path& folder : {out_, training()}) remove_unfinished(folder);
}

TrainState RunFolder::read_checkpoint(const std::map<std::string, Tensor>& into) {
  const SafetensorsFile file =
      checkpoints_.read([](const std::string& note) { print(stderr, "warning: %s\n", note.c_str()); });
  const std::string where = file.path().string();
  const auto& metadata = file.metadata();
  const TrainState state{number(metadata, "step", where), number(metadata, "tokens", where),
                         number(metadata, "overloaded", where)};
  const std::string& made_with = entry(metadata, "settings", where);
  if (made_with != identity_)
    throw Error(
        {.where = where, .what = "was made with other settings", .hint = explain_difference(identity_, made_with)});
  for (const auto& [name, tensor] : into) {
    const TensorInfo* info = file.find(name);
    if (!info) throw Error(where, "there is no tensor " + in_quotes(name));
    tensor.copy_(read_tensor(file, *info));
  }
  return state;
}

TrainState RunFolder::start(const Weights& weights, AdamW& optimizer, const Weights* average,
                            const std::map<std::string, Tensor>& more) {
  TrainState state;
  if (resume_) {
    const AdamW::Moments moments = optimizer.gather();  // zeros, to be read into
    std::vector<double> numbers(3, 0);
    if (ranks_.first()) {
      state = read_checkpoint(state_tensors(weights, moments, average, more));
      numbers = {double(state.step), double(state.tokens), double(state.overloaded)};
      cut_log(log_path(), state.step);
    }
    numbers = ranks_.sum(numbers);
    state = {int64_t(numbers[0]), int64_t(numbers[1]), int64_t(numbers[2])};
    optimizer.restore(moments, state.step);
  }
  std::vector<Tensor> shared = values_of(weights);
  if (average)
    for (const Tensor& value : values_of(*average)) shared.push_back(value);
  for (const auto& [name, tensor] : more) shared.push_back(tensor);
  ranks_.share(shared, 0);
  if (ranks_.first())
    log_ = std::make_unique<JsonlWriter>(log_path(), resume_ ? JsonlWriter::Mode::append : JsonlWriter::Mode::replace);
  return state;
}

void RunFolder::log(const JsonLine& line) {
  if (log_) log_->write(line);
}

void RunFolder::stop_at_nan(int64_t step, const std::string& part) const {
  const std::string last = checkpoints_.any() ? "The last good checkpoint is " + checkpoints_.newest().string()
                                              : "There is no checkpoint yet";
  throw Error({.where = "step " + std::to_string(step) + ", " + part,
               .what = "the loss or its gradient is not a number",
               .hint = last + ". Try a smaller --rate in a new folder"});
}

void RunFolder::save(const Weights& weights, const AdamW& optimizer, const TrainState& state, const Weights* average,
                     const std::map<std::string, Tensor>& more) {
  const AdamW::Moments moments = optimizer.gather();
  if (!ranks_.first()) return;
  checkpoints_.write(state_tensors(weights, moments, average, more), {{"step", std::to_string(state.step)},
                                                                      {"tokens", std::to_string(state.tokens)},
                                                                      {"overloaded", std::to_string(state.overloaded)},
                                                                      {"settings", identity_}});
}

}  // namespace starnest::train
