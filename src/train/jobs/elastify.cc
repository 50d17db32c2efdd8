#include "train/jobs/elastify.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "arch/family_spec.h"
#include "arch/tensors.h"
#include "base/output.h"
#include "base/range.h"
#include "base/text.h"
#include "convert/small_files.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "train/distill/weight_average.h"
#include "train/jobs/distiller.h"
#include "train/jobs/elastic_sizes.h"
#include "train/modules/parameters_io.h"
#include "train/run/input_content.h"
#include "train/run/measure.h"
#include "train/run/settings.h"
#include "train/run/training_bar.h"
#include "train/run/utilisation.h"

namespace starnest::train {
namespace {

std::string job_text(const ElastifySettings& s, const std::string& data) {
  const std::string search =
      s.search.budgets.empty() ? "" : settings_text(s.search) + settings_text(s.router, "router.");
  return settings_text(s.family) + search + settings_text(s.curriculum, "curriculum.") + settings_text(s.optimizer) +
         data;
}

// With what its inputs hold in place of where they lie.
std::string identity_text(const ElastifySettings& s) {
  ElastifySettings contents = s;
  contents.family.model = model_content(s.family.model);
  contents.family.student = model_content(s.family.student);
  return job_text(contents, identity_text(s.data, s.family.model));
}

JsonLine size_json(const SizeResult& result) {
  return JsonLine()
      .set("kl", result.kl)
      .set("gradient_norm", result.gradient_norm)
      .set("clipped", result.clipped)
      .set("cosine", result.cosine)
      .set("worst_load", result.worst_load);
}

// The larger sizes dip early and recover with the cosine, so an alarm means something only late in the run.
void warn_of_drift(TrainingBar& bar, const TrainState& state, int64_t steps, const Measured& largest,
                   const Measured& parent) {
  if (largest.sets.empty()) return;
  for (const char* way : {"long", "terse"}) {
    const double drop = mean_of(parent, way).whole - mean_of(largest, way).whole;
    if (double(state.step) >= 0.6 * double(steps) && drop > 0.02)
      bar.say("warning: the largest size is " + format_number("%.1f", 100 * drop) + " points below the parent on " +
              way);
  }
}

// The roles of the parameters that --freeze names.
std::set<Role> frozen_roles(const std::vector<std::string>& names) {
  static const std::map<std::string, std::set<Role>> kRoles{
      {"embedding", {Role::embedding}},
      {"head", {Role::head}},
      {"gates", {Role::gate}},
      {"norms", {Role::block_norm, Role::gated_norm, Role::final_norm}}};
  std::set<Role> roles;
  for (const std::string& name : names) {
    const auto found = kRoles.find(name);
    if (found == kRoles.end())
      throw Error({.where = "--freeze",
                   .what = "there is nothing of this name",
                   .expected = "embedding, head, gates or norms",
                   .got = in_quotes(name)});
    roles.insert(found->second.begin(), found->second.end());
  }
  return roles;
}

// Per token of a batch: the teacher's pass, and a training step of every size, or of one of them on average.
double step_flops(const ModelSpec& spec, const std::vector<Size>& sizes, int micro_batches) {
  double flops = 0;
  for (const Size& size : sizes) flops += training_flops(spec, size.widths);
  if (micro_batches > 0) flops /= double(sizes.size());
  return forward_flops(spec, full_widths(spec)) + flops;
}

std::vector<StudentSize> narrow_students(const std::vector<Size>& sizes) {
  std::vector<StudentSize> students;
  for (const Size& size : sizes)
    students.push_back({.name = size.name, .context = SizeContext::narrow(size.widths), .weight = 1});
  return students;
}

void write_family(const std::filesystem::path& folder, const ElastifySettings& settings, const FamilySpec& parent,
                  ElasticFile file, const Parameters& weights, const TrainState& state) {
  file.provenance = {{"ranked_on", json_string(description(settings.data) + ", completion positions")},
                     {"trained_tokens", std::to_string(state.tokens)},
                     {"seed", std::to_string(settings.run.seed)}};
  copy_small_files(settings.family.model, folder, [](const std::string& note) { print(stdout, "%s\n", note.c_str()); });
  HfConfig config = parent.config;
  announce_no_prediction_layers(config);
  write_text(folder / "config.json", config.text());
  write_text(folder / "elastic.json", write_elastic(file));
  write_weights(folder / "model.safetensors", weights);
}

// Throws Error for settings that no model could be run with.
void check(const ElastifySettings& settings, const Processes& processes) {
  check(settings.data);
  check_shares(settings.data, processes);
  check(settings.optimizer);
  require_real("--average", settings.family.average, {.high = 1, .without_high = true});
  require_real("--cross-entropy", settings.family.cross_entropy, {.high = 1});
}

// The weights that training begins from: the parent's own, or others of the same dimensions.
Parameters first_student(const FamilySettings& family, const Parameters& parent) {
  const std::string& given = family.student;
  if (!given.empty() && !(full_widths(read_family(given).spec) == full_widths(parent.spec())))
    throw Error({.where = "--student",
                 .what = "has other dimensions than the parent",
                 .got = given,
                 .hint = "Make it with the flags of the parent's pretrain"});
  return given.empty() ? parent.clone() : read_weights(given, parent.spec());
}

// The sizes as the router sees them at this step; their expected costs over the caps go into `costs`.
std::vector<StudentSize> undecided_students(const ElasticSizes& sizes, int64_t step, JsonLine& costs) {
  std::vector<StudentSize> students = narrow_students(sizes.decided);
  for (const WidthSearch::Undecided& size : sizes.search->sizes_at(step)) {
    const std::string& name = sizes.names[students.size()];
    students.push_back({name, size.context, 1, sizes.search->parameters(), size.budget_loss});
    costs.set(name, size.cost);
  }
  return students;
}

std::string status_text(const ElasticSizes& sizes, const DistilledStep& result) {
  std::string status = "KL";
  for (size_t s = 0; s < sizes.names.size(); ++s)
    if (const SizeOfStep* size = result.find(s))
      status += " " + sizes.names[s] + " " + format_number("%.4f", size->result.kl);
  return status;
}

// The line of step 0, before any training; `dev`: of the decided sizes.
JsonLine first_line(const ElasticSizes& sizes, const std::vector<Measured>& dev) {
  JsonLine by_size;
  for (size_t s = 0; s < dev.size(); ++s) by_size.set(sizes.names[s], JsonLine().set("dev", measured_json(dev[s])));
  return JsonLine().set("step", 0).set("tokens", 0).set("sizes", by_size);
}

// `dev`: what was measured of the decided sizes, or nothing.
JsonLine step_line(const TrainState& state, const ElasticSizes& sizes, const DistilledStep& result,
                   const std::vector<Measured>& dev) {
  JsonLine by_size;
  for (size_t s = 0; s < sizes.names.size(); ++s) {
    const SizeOfStep* const of_step = result.find(s);
    JsonLine entry = of_step ? size_json(of_step->result) : JsonLine();
    if (s < dev.size()) entry.set("dev", measured_json(dev[s]));
    by_size.set(sizes.names[s], entry);
  }
  return JsonLine().set("step", state.step).set("tokens", state.tokens).set("sizes", by_size);
}

}  // namespace

std::string settings_text(const ElastifySettings& s) {
  return settings_text(s.run) + job_text(s, settings_text(s.data));
}

void elastify(const ElastifySettings& settings, const Progress& progress) {
  const Processes processes(read_launch());
  const int64_t steps = settings.run.steps;
  print_settings("elastify", settings_text(settings), processes);
  use_threads(settings.run.threads);
  check(settings, processes);
  const FamilySpec parent = read_family(settings.family.model);
  ElasticSizes sizes = first_sizes(settings, parent.spec);
  const ElasticPlan plan = default_plan(settings.family, sizes.names);
  const std::set<Role> frozen = frozen_roles(settings.family.freeze);
  const Curriculum curriculum(settings.curriculum, sizes.names.size(), steps, uint64_t(settings.run.seed));
  RunFolder folder(settings.run, identity_text(settings), processes);

  const Parameters teacher = read_weights(settings.family.model, parent.spec, [&](const std::string& text) {
    if (processes.first()) print(stdout, "note: %s\n", text.c_str());
  });
  Parameters student = first_student(settings.family, teacher);
  student.freeze([&](const TensorSpec& spec) { return frozen.contains(spec.role); });
  student.require_gradients();
  AdamW optimizer(student, settings.optimizer, processes);
  const std::optional<Parameters> average = settings.family.average > 0 ? std::optional(student.clone()) : std::nullopt;
  const Parameters* const averaged = average ? &*average : nullptr;
  const Parameters& written = average ? *average : student;
  const auto router = sizes.search ? sizes.search->state() : std::map<std::string, Tensor>{};  // the tensors in use
  TrainState state = folder.start(student, optimizer, averaged, router);
  DevData dev = development_data(settings.data, settings.family.model, parent.spec.vocab, settings.run.dev_problems);
  Distiller distiller(settings, teacher, student, curriculum, processes);

  // The others wait for the first process while it prints and measures.
  const auto show_sizes = [&] {
    if (processes.first()) print_sizes(sizes, parent.spec);
  };
  const auto measured = [&](const Parameters& weights, const SizeContext& size) {
    return processes.first() ? measure(weights, size, dev) : Measured{};
  };
  show_sizes();
  for (DevSet& set : dev.sets) set_goals(set, teacher);
  if (sizes.search && sizes.search->decided()) {
    take_decided(sizes, parent.spec);
    show_sizes();
  }
  const Measured goal = measured(teacher, SizeContext::full());
  const double flops = step_flops(parent.spec, sizes.decided, settings.curriculum.micro_batches);
  TrainingBar bar("elastify", state.step, steps,
                  {processes.first(), flops / (product_rate() * double(processes.size()))});
  bar.say("parent: " + measured_text(goal));
  const auto dev_of_sizes = [&](const Parameters& weights, const std::string& when) {
    std::vector<Measured> all;
    for (const Size& size : sizes.decided) {
      all.push_back(measured(weights, SizeContext::narrow(size.widths)));
      bar.say(when + size.name + ": " + measured_text(all.back()));
    }
    return all;
  };
  const auto decide = [&] {
    bar.say(sizes.search->decide([&](const std::vector<Size>& tried) { return distiller.unseen_loss(tried); }));
    take_decided(sizes, parent.spec);
    show_sizes();
    distiller.run_at(narrow_students(sizes.decided));
  };

  if (state.step == 0) folder.log(first_line(sizes, dev_of_sizes(student, "before distillation, ")));
  if (state.step == steps) bar.say(kNothingLeft);
  distiller.run_at(narrow_students(sizes.decided));
  while (state.step < steps) {
    if (sizes.due(state.step)) decide();
    const bool searching = sizes.searching();
    JsonLine costs;
    if (searching) distiller.run_at(undecided_students(sizes, state.step, costs));

    const DistilledStep result = distiller.step(state.step);
    for (const SizeOfStep& size : result.sizes)
      if (!size.result.finite()) folder.stop_at_nan(state.step, size.where);
    optimizer.step(result.gradients, learning_rate(settings.optimizer, state.step, steps));
    if (searching) sizes.search->update(result.router_gradients, state.step);
    if (average) update_average(*average, student, settings.family.average, state.step);
    state.step += 1;
    state.tokens += result.tokens;

    const bool found_last = state.step == steps && sizes.due(state.step);
    if (found_last) decide();
    std::vector<Measured> now;
    if (is_due(state.step, settings.run.dev_every, steps)) {
      now = dev_of_sizes(written, "step " + std::to_string(state.step) + " ");
      warn_of_drift(bar, state, steps, now.front(), goal);
    }
    bar.update(state.step, result.tokens, status_text(sizes, result));
    JsonLine line = step_line(state, sizes, result, now);
    if (searching) line.set("costs", costs);
    if (found_last) bar.say("warning: the search was the whole run; what it found is not trained at its widths");
    folder.log(line.set("seconds", bar.seconds()));
    if (is_due(state.step, settings.run.checkpoint_every, steps))
      folder.save(student, optimizer, state, averaged, router);
    if (progress) progress(uint64_t(state.step), uint64_t(steps));
  }
  sizes.file.default_plan = plan;
  if (processes.first()) write_family(folder.path(), settings, parent, sizes.file, written, state);
}

}  // namespace starnest::train
