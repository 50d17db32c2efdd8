#include "train/jobs/pretrain.h"

#include <cmath>
#include <cstdio>

#include "arch/registry.h"
#include "base/text.h"
#include "starnest/error.h"
#include "train/distill/balance.h"
#include "train/distill/dev_metric.h"
#include "train/distill/losses.h"
#include "train/modules/initialise.h"
#include "train/modules/weights_io.h"
#include "train/run/measure.h"
#include "train/run/settings.h"
#include "train/run/training_bar.h"
#include "train/run/utilisation.h"

namespace starnest::train {
namespace {

std::string job_text(const PretrainSettings& s, const std::string& data) {
  return settings_text(s.model, "model.") + settings_text(s.optimizer) + settings_text(s.balance, "balance.") + data;
}

struct StepResult {
  double loss, gradient_norm, worst_load;

  bool finite() const { return std::isfinite(loss) && std::isfinite(gradient_norm); }
};

// On this process's share of a batch. Without an update when the result is not finite.
StepResult train_step(const Weights& weights, AdamW& optimizer, const BatchTensors& batch, const Ranks& ranks,
                      const PretrainSettings& settings, int64_t step) {
  ExpertBalance balance(batch);
  const Tensor loss =
      cross_entropy(completion_logits(weights, batch, SizeContext::full(), &balance), batch.targets, batch.positions);
  const Tensor total = balance.loss().defined() ? loss + settings.balance.loss * balance.loss() : loss;
  std::vector<Tensor> gradients = torch::autograd::grad({total}, weights.trained());
  ranks.sum(gradients);
  balance.sum_over(ranks);
  const StepResult result{ranks.sum({loss.item<double>()})[0], global_norm(gradients), balance.worst()};
  if (!result.finite()) return result;
  const double scale = std::min(1.0, settings.optimizer.clip / std::max(result.gradient_norm, 1e-12));
  for (Tensor& gradient : gradients) gradient = (gradient * scale).contiguous();
  optimizer.step(gradients, learning_rate(settings.optimizer, step, settings.run.steps));
  const double left = 1 - double(step) / settings.run.steps;
  balance.update_biases(weights, settings.balance.bias_step * std::min(1.0, left / 0.2));
  return result;
}

void check_load(const StepResult& result, const BalanceSettings& balance, TrainState& state) {
  state.overloaded = result.worst_load > balance.worst_load ? state.overloaded + 1 : 0;
  if (state.overloaded < balance.worst_steps) return;
  throw Error({.where = "step " + std::to_string(state.step),
               .what = "the experts stay unbalanced",
               .expected = "at most " + format_number("%.1f", balance.worst_load) + " times the mean load",
               .got = format_number("%.1f", result.worst_load)});
}

// The end token is the only special one.
Vocabulary text_vocabulary(const DataSettings& data) {
  const Tokenizer tokenizer(tokenizer_file(data, ""));
  const TokenId end = data.text.end.empty() ? 0 : tokenizer.id_of(data.text.end).value_or(0);
  return {.size = int(tokenizer.size()), .bos = end, .eos = end, .pad = end};
}

}  // namespace

std::string settings_text(const PretrainSettings& s) {
  return settings_text(s.run) + job_text(s, settings_text(s.data));
}

void pretrain(const PretrainSettings& settings, const Progress& progress) {
  const Ranks ranks(read_launch());
  print_settings("pretrain", settings_text(settings), ranks);
  use_threads(settings.run.threads);
  check(settings.data);
  check(settings.optimizer);
  const Vocabulary vocabulary = settings.data.is_text() ? text_vocabulary(settings.data) : Vocabulary{};
  const HfConfig config = make_config(settings.model, vocabulary);
  const ModelSpec spec = architecture_of(config).read(config);
  check_shares(settings.data, ranks);
  RunFolder folder(settings.run, job_text(settings, identity_text(settings.data, "")), ranks);
  Weights weights = initial_weights(spec, uint64_t(settings.run.seed));
  weights.require_gradients();
  AdamW optimizer(weights, settings.optimizer, ranks);
  TrainState state = folder.start(weights, optimizer);
  const DevData dev = development_data(settings.data, "", vocabulary.size, settings.run.dev_problems);
  const auto data = training_batches(settings.data, "", vocabulary.size, settings.run.seed, settings.run.steps);

  const double token_seconds = training_flops(spec, full_widths(spec)) / (product_rate() * double(ranks.size()));
  TrainingBar bar("pretrain", state.step, settings.run.steps, {ranks.first(), token_seconds});
  if (state.step == settings.run.steps) bar.say(kNothingLeft);
  while (state.step < settings.run.steps) {
    const BatchTensors batch = share_of(data->at(uint64_t(state.step)), ranks.rank(), ranks.size());
    const StepResult result = train_step(weights, optimizer, batch, ranks, settings, state.step);
    if (!result.finite()) folder.stop_at_nan(state.step, "batch " + std::to_string(state.step));
    state.step += 1;
    state.tokens += batch.tokens;
    check_load(result, settings.balance, state);

    JsonLine line;
    line.set("step", state.step).set("tokens", state.tokens).set("loss", result.loss);
    line.set("gradient_norm", result.gradient_norm).set("worst_load", result.worst_load);
    if (ranks.first() && is_due(state.step, settings.run.dev_every, settings.run.steps)) {
      const auto measured = measure(weights, SizeContext::full(), dev);
      line.set("dev", measured_json(measured));
      bar.say("step " + std::to_string(state.step) + ", " + grouped(uint64_t(state.tokens)) +
              " tokens: " + measured_text(measured));
    }
    line.set("seconds", bar.seconds());
    folder.log(line);
    bar.update(state.step, batch.tokens, "loss " + format_number("%.4f", result.loss));
    if (is_due(state.step, settings.run.checkpoint_every, settings.run.steps)) folder.save(weights, optimizer, state);
    if (progress) progress(uint64_t(state.step), uint64_t(settings.run.steps));
  }
  if (!ranks.first()) return;
  if (settings.data.is_text())
    write_text_model_files(folder.path(), config, tokenizer_file(settings.data, ""), vocabulary);
  else
    write_model_files(folder.path(), config);
  write_weights(folder.path() / "model.safetensors", weights);
}

}  // namespace starnest::train
