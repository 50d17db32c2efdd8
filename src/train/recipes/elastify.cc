#include "train/recipes/elastify.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/arch/cost.h"
#include "core/arch/family_spec.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/convert/small_files.h"
#include "starnest/error.h"
#include "train/distill/weight_average.h"
#include "train/modules/weights_io.h"
#include "train/recipes/distiller.h"
#include "train/recipes/measure.h"
#include "train/recipes/settings.h"
#include "train/recipes/size_text.h"
#include "train/recipes/training_bar.h"
#include "train/recipes/utilisation.h"

namespace starnest::train {
namespace {

std::string job_text(const ElastifySettings& s) {
  const std::string search =
      s.search.budgets.empty() ? "" : settings_text(s.search) + settings_text(s.router, "router.");
  return settings_text(s.family) + search + settings_text(s.curriculum, "curriculum.") + settings_text(s.optimizer) +
         settings_text(s.data);
}

// The sizes as they are known before the run: all of them, or the full one when the others are searched for.
std::vector<ElasticSize> first_sizes(const ElastifySettings& settings) {
  const bool searched = !settings.search.budgets.empty();
  if (searched && !settings.family.sizes.empty())
    throw Error({.where = "--size and --budget",
                 .what = "were given together",
                 .hint = "Give the widths (--size), or budgets to search widths for (--budget, --choice)"});
  if (searched && settings.curriculum.micro_batches > 0)
    throw Error("--curriculum-micro-batches",
                "draws sizes, which a search does not: it runs all of them in every step");
  std::vector<ElasticSize> sizes;
  if (searched) sizes.push_back({.name = settings.search.full, .values = {}, .layers = {}});
  for (const std::string& text : settings.family.sizes) sizes.push_back(parse_size(text));
  if (sizes.empty()) throw Error("--size", "at least one size is needed, or a --budget");
  return sizes;
}

// Checked, and largest first.
ElasticFile family_file(const ModelSpec& spec, std::vector<ElasticSize> entries) {
  ElasticFile file{.where = "--size", .sizes = std::move(entries), .default_plan = {}, .provenance = {}};
  const std::vector<Size> sizes = sizes_of(spec, file);
  file.sizes.clear();
  for (const Size& size : sizes) file.sizes.push_back(describe(spec, size));
  return file;
}

ElasticPlan default_plan(const FamilySettings& family, const std::vector<std::string>& names) {
  const ElasticPlan plan{family.think.empty() ? names.back() : family.think,
                         family.answer.empty() ? names.front() : family.answer};
  for (const std::string& name : {plan.think, plan.answer})
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error("the default plan", "there is no size " + in_quotes(name));
  return plan;
}

void print_sizes(const ModelSpec& spec, const std::vector<Size>& sizes, const Ranks& ranks) {
  if (!ranks.first()) return;
  for (const Size& size : sizes) {
    const Cost cost = cost_of(spec, size.widths, StoredFormat::f32);
    std::printf("size %-12s %12s parameters, %12s active\n", size.name.c_str(), grouped(cost.parameters).c_str(),
                grouped(cost.active_parameters).c_str());
  }
  std::fflush(stdout);
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

std::vector<std::string> names_of(const std::vector<Size>& sizes) {
  std::vector<std::string> names;
  for (const Size& size : sizes) names.push_back(size.name);
  return names;
}

std::vector<StudentSize> narrow_students(const std::vector<Size>& sizes) {
  std::vector<StudentSize> students;
  for (const Size& size : sizes)
    students.push_back({.name = size.name, .context = SizeContext::narrow(size.widths), .weight = 1});
  return students;
}

// Of the same dimensions as the parent.
Weights read_student(const std::string& folder, const ModelSpec& parent) {
  if (!(full_widths(read_family(folder).spec) == full_widths(parent)))
    throw Error({.where = "--student",
                 .what = "has other dimensions than the parent",
                 .got = folder,
                 .hint = "Make it with the flags of the parent's pretrain"});
  return read_weights(folder, parent);
}

void write_family(const std::filesystem::path& folder, const ElastifySettings& settings, const FamilySpec& parent,
                  ElasticFile file, const Weights& weights, const TrainState& state) {
  file.provenance = {{"ranked_on", json_string(description(settings.data) + ", completion positions")},
                     {"trained_tokens", std::to_string(state.tokens)},
                     {"seed", std::to_string(settings.run.seed)}};
  copy_small_files(settings.family.model, folder, [](const std::string& note) { std::printf("%s\n", note.c_str()); });
  write_text(folder / "config.json", parent.config.text());
  write_text(folder / "elastic.json", write_elastic(file));
  write_weights(folder / "model.safetensors", weights);
}

}  // namespace

std::string settings_text(const ElastifySettings& s) { return settings_text(s.run) + job_text(s); }

void elastify(const ElastifySettings& settings, const Progress& progress) {
  const Ranks ranks(read_launch());
  print_settings("elastify", settings_text(settings), ranks);
  use_threads(settings.run.threads);
  check(settings.data);
  check_shares(settings.data, ranks);
  const double decay = settings.family.average;
  if (!(decay >= 0 && decay < 1))
    throw Error({.where = "--average", .what = "is out of range", .expected = "[0, 1)", .got = std::to_string(decay)});
  const double cross_entropy = settings.family.cross_entropy;
  if (!(cross_entropy >= 0 && cross_entropy <= 1))
    throw Error({.where = "--cross-entropy",
                 .what = "is out of range",
                 .expected = "[0, 1]",
                 .got = std::to_string(cross_entropy)});
  const FamilySpec parent = read_family(settings.family.model);
  ElasticFile file = family_file(parent.spec, first_sizes(settings));
  std::vector<Size> sizes = sizes_of(parent.spec, file);
  const std::unique_ptr<WidthSearch> search =
      make_search(settings.search, settings.router, parent.spec, settings.run.steps, uint64_t(settings.run.seed));
  std::vector<std::string> names = names_of(sizes);
  if (search)
    for (const Budget& budget : search->budgets()) names.push_back(budget.name);
  const ElasticPlan plan = default_plan(settings.family, names);
  const std::set<Role> frozen = frozen_roles(settings.family.freeze);
  const Curriculum curriculum(settings.curriculum, names.size(), settings.run.steps, uint64_t(settings.run.seed));
  print_sizes(parent.spec, sizes, ranks);
  RunFolder folder(settings.run, job_text(settings), ranks);
  const Weights teacher = read_weights(settings.family.model, parent.spec);
  Weights student =
      settings.family.student.empty() ? teacher.clone() : read_student(settings.family.student, parent.spec);
  student.freeze([&](const TensorSpec& spec) { return frozen.contains(spec.role); });
  student.require_gradients();
  AdamW optimizer(student, settings.optimizer, ranks);
  const std::optional<Weights> average = decay > 0 ? std::optional(student.clone()) : std::nullopt;
  const Weights* const average_or_null = average ? &*average : nullptr;
  const Weights& result_weights = average ? *average : student;
  const std::map<std::string, Tensor> router_state = search ? search->state() : std::map<std::string, Tensor>{};
  TrainState state = folder.start(student, optimizer, average_or_null, router_state);
  DevData dev = development_data(settings.data, settings.family.model, parent.spec.vocab, settings.run.dev_problems);
  for (DevSet& set : dev.sets) set_goals(set, teacher);
  // The others wait for the first process while it measures.
  const auto measured = [&](const Weights& weights, const SizeContext& size) {
    return ranks.first() ? measure(weights, size, dev) : Measured{};
  };
  const Measured parent_dev = measured(teacher, SizeContext::full());
  Distiller distiller(settings, teacher, student, curriculum, ranks);
  const auto take_decided_sizes = [&] {
    std::vector<ElasticSize> entries{describe(parent.spec, sizes.front())};
    for (const Size& size : search->sizes()) entries.push_back(describe(parent.spec, size));
    file = family_file(parent.spec, std::move(entries));
    sizes = sizes_of(parent.spec, file);
    names = names_of(sizes);
    print_sizes(parent.spec, sizes, ranks);
  };
  if (search && search->decided()) take_decided_sizes();
  std::vector<StudentSize> students = narrow_students(sizes);
  distiller.run_at(students);

  TrainingBar bar("elastify", state.step, settings.run.steps,
                  {ranks.first(), step_flops(parent.spec, sizes, settings.curriculum.micro_batches) /
                                      (product_rate() * double(ranks.size()))});
  bar.say("parent: " + measured_text(parent_dev));
  if (state.step == 0) {
    JsonLine by_size;
    for (const StudentSize& size : students) {
      const Measured before = measured(student, size.context);
      bar.say("before distillation, " + size.name + ": " + measured_text(before));
      by_size.set(size.name, JsonLine().set("dev", measured_json(before)));
    }
    folder.log(JsonLine().set("step", 0).set("tokens", 0).set("sizes", by_size));
  }
  const auto decide_when_due = [&] {
    if (!search || search->decided() || state.step < search->steps()) return;
    bar.say(search->decide([&](const std::vector<Size>& tried) { return distiller.unseen_loss(tried); }));
    take_decided_sizes();
    students = narrow_students(sizes);
    distiller.run_at(students);
  };
  while (state.step < settings.run.steps) {
    decide_when_due();
    const bool searching = search && !search->decided();
    JsonLine costs;  // of the sizes that are searched for, over their caps
    if (searching) {
      std::vector<StudentSize> undecided = narrow_students(sizes);
      for (const WidthSearch::Undecided& size : search->sizes_at(state.step)) {
        const std::string& name = names[undecided.size()];
        undecided.push_back({name, size.context, 1, search->parameters(), size.budget_loss});
        costs.set(name, size.cost);
      }
      distiller.run_at(std::move(undecided));
    }
    const StepResult result = distiller.step(state.step);
    for (const SizeOfStep& size : result.sizes)
      if (!size.result.finite()) folder.stop_at_nan(state.step, size.where);
    optimizer.step(result.gradients, learning_rate(settings.optimizer, state.step, settings.run.steps));
    if (searching) search->update(result.router_gradients, state.step);
    if (average) update_average(*average, student, decay, state.step);
    state.step += 1;
    state.tokens += result.tokens;

    const bool measured_now = is_due(state.step, settings.run.dev_every, settings.run.steps);
    JsonLine line, by_size;
    line.set("step", state.step).set("tokens", state.tokens);
    std::string status = "KL";
    for (size_t s = 0; s < names.size(); ++s) {
      JsonLine entry;
      if (const SizeOfStep* of_step = result.find(s)) {
        entry = size_json(of_step->result);
        status += " " + names[s] + " " + format_number("%.4f", of_step->result.kl);
      }
      if (measured_now && s < sizes.size()) {
        const Measured now = measured(result_weights, students[s].context);
        entry.set("dev", measured_json(now));
        bar.say("step " + std::to_string(state.step) + " " + names[s] + ": " + measured_text(now));
        if (s == 0) warn_of_drift(bar, state, settings.run.steps, now, parent_dev);
      }
      by_size.set(names[s], entry);
    }
    line.set("sizes", by_size);
    if (searching) line.set("costs", costs);
    folder.log(line.set("seconds", bar.seconds()));
    bar.update(state.step, result.tokens, status);
    if (is_due(state.step, settings.run.checkpoint_every, settings.run.steps))
      folder.save(student, optimizer, state, average_or_null, router_state);
    if (progress) progress(uint64_t(state.step), uint64_t(settings.run.steps));
  }
  decide_when_due();  // where the search was the whole run
  file.default_plan = plan;
  if (ranks.first()) write_family(folder.path(), settings, parent, file, result_weights, state);
}

}  // namespace starnest::train
