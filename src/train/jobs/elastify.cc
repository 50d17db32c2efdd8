#include "train/jobs/elastify.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "arch/cost.h"
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
#include "train/modules/weights_io.h"
#include "train/run/input_content.h"
#include "train/run/measure.h"
#include "train/run/settings.h"
#include "train/run/size_text.h"
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

// Largest first, as the run prints and logs them.
std::vector<Size> shown_sizes(const ModelSpec& spec, const ElasticFile& file) {
  const Sizes sizes = sizes_of(spec, file);
  const auto shown = sizes.largest_first();
  return {shown.begin(), shown.end()};
}

// Checked, and largest first.
ElasticFile family_file(const ModelSpec& spec, std::vector<ElasticSize> entries) {
  ElasticFile file{.where = "--size", .sizes = std::move(entries), .default_plan = {}, .provenance = {}};
  const Sizes sizes = sizes_of(spec, file);
  file.sizes.clear();
  for (const Size& size : sizes.largest_first()) file.sizes.push_back(describe(spec, size));
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
    const Cost cost = cost_of(spec, size.widths, Encoding::f32);
    print(stdout, "size %-12s %12s parameters, %12s active\n", size.name.c_str(), grouped(cost.parameters).c_str(),
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
  copy_small_files(settings.family.model, folder, [](const std::string& note) { print(stdout, "%s\n", note.c_str()); });
  HfConfig config = parent.config;
  announce_no_prediction_layers(config);
  write_text(folder / "config.json", config.text());
  write_text(folder / "elastic.json", write_elastic(file));
  write_weights(folder / "model.safetensors", weights);
}

// Throws Error for settings that no model could be run with.
const ElastifySettings& checked(const ElastifySettings& settings, const Ranks& ranks) {
  print_settings("elastify", settings_text(settings), ranks);
  use_threads(settings.run.threads);
  check(settings.data);
  check_shares(settings.data, ranks);
  check(settings.optimizer);
  require_real("--average", settings.family.average, {.high = 1, .without_high = true});
  require_real("--cross-entropy", settings.family.cross_entropy, {.high = 1});
  return settings;
}

class ElasticRun {
 public:
  ElasticRun(const ElastifySettings& settings, const Ranks& ranks)
      : settings_(checked(settings, ranks)),
        ranks_(ranks),
        parent_(read_family(settings.family.model)),
        file_(family_file(parent_.spec, first_sizes(settings))),
        sizes_(shown_sizes(parent_.spec, file_)),
        search_(make_search(settings.search, settings.router, parent_.spec, settings.run.steps,
                            uint64_t(settings.run.seed))),
        names_(all_names()),
        plan_(default_plan(settings.family, names_)),
        frozen_(frozen_roles(settings.family.freeze)),
        curriculum_(settings.curriculum, names_.size(), settings.run.steps, uint64_t(settings.run.seed)),
        folder_(settings.run, identity_text(settings), ranks),
        teacher_(read_weights(settings.family.model, parent_.spec,
                              [&](const std::string& text) {
                                if (ranks.first()) print(stdout, "note: %s\n", text.c_str());
                              })),
        student_(trained_student()),
        optimizer_(student_, settings.optimizer, ranks),
        average_(settings.family.average > 0 ? std::optional(student_.clone()) : std::nullopt),
        router_state_(search_ ? search_->state() : std::map<std::string, Tensor>{}),
        state_(folder_.start(student_, optimizer_, average_or_null(), router_state_)),
        dev_(development_data(settings.data, settings.family.model, parent_.spec.vocab, settings.run.dev_problems)),
        distiller_(settings, teacher_, student_, curriculum_, ranks) {
    print_sizes(parent_.spec, sizes_, ranks_);
    for (DevSet& set : dev_.sets) set_goals(set, teacher_);
    if (search_ && search_->decided()) take_decided_sizes();
  }

  void run(const Progress& progress) {
    const Measured parent = measured(teacher_, SizeContext::full());
    TrainingBar bar("elastify", state_.step, settings_.run.steps,
                    {ranks_.first(), step_flops(parent_.spec, sizes_, settings_.curriculum.micro_batches) /
                                         (product_rate() * double(ranks_.size()))});
    bar.say("parent: " + measured_text(parent));
    if (state_.step == 0) measure_before(bar);
    distiller_.run_at(narrow_students(sizes_));
    if (state_.step == settings_.run.steps) bar.say(kNothingLeft);
    while (state_.step < settings_.run.steps) {
      decide_when_due(bar);
      const JsonLine costs = searching() ? run_undecided() : JsonLine();
      const bool searched = searching();
      const StepResult result = trained_step();
      const bool found_last = state_.step == settings_.run.steps && decide_when_due(bar);
      JsonLine line = step_line(bar, parent, result);
      if (searched) line.set("costs", costs);
      if (found_last) bar.say("warning: the search was the whole run; what it found is not trained at its widths");
      folder_.log(line.set("seconds", bar.seconds()));
      if (is_due(state_.step, settings_.run.checkpoint_every, settings_.run.steps))
        folder_.save(student_, optimizer_, state_, average_or_null(), router_state_);
      if (progress) progress(uint64_t(state_.step), uint64_t(settings_.run.steps));
    }
    file_.default_plan = plan_;
    if (ranks_.first()) write_family(folder_.path(), settings_, parent_, file_, result_weights(), state_);
  }

 private:
  // Those of the sizes that are searched for, too.
  std::vector<std::string> all_names() const {
    std::vector<std::string> names = names_of(sizes_);
    if (search_)
      for (const Budget& budget : search_->budgets()) names.push_back(budget.name);
    return names;
  }

  Weights trained_student() const {
    const std::string& given = settings_.family.student;
    Weights student = given.empty() ? teacher_.clone() : read_student(given, parent_.spec);
    student.freeze([&](const TensorSpec& spec) { return frozen_.contains(spec.role); });
    student.require_gradients();
    return student;
  }

  const Weights* average_or_null() const { return average_ ? &*average_ : nullptr; }
  const Weights& result_weights() const { return average_ ? *average_ : student_; }
  bool searching() const { return search_ && !search_->decided(); }

  // The others wait for the first process while it measures.
  Measured measured(const Weights& weights, const SizeContext& size) const {
    return ranks_.first() ? measure(weights, size, dev_) : Measured{};
  }
  void measure_before(TrainingBar& bar) {
    JsonLine by_size;
    for (const Size& size : sizes_) {
      const Measured before = measured(student_, SizeContext::narrow(size.widths));
      bar.say("before distillation, " + size.name + ": " + measured_text(before));
      by_size.set(size.name, JsonLine().set("dev", measured_json(before)));
    }
    folder_.log(JsonLine().set("step", 0).set("tokens", 0).set("sizes", by_size));
  }

  void take_decided_sizes() {
    std::vector<ElasticSize> entries{describe(parent_.spec, sizes_.front())};
    for (const Size& size : search_->sizes()) entries.push_back(describe(parent_.spec, size));
    file_ = family_file(parent_.spec, std::move(entries));
    sizes_ = shown_sizes(parent_.spec, file_);
    names_ = names_of(sizes_);
    print_sizes(parent_.spec, sizes_, ranks_);
  }

  // Whether the search ended here.
  bool decide_when_due(TrainingBar& bar) {
    if (!searching() || state_.step < search_->steps()) return false;
    bar.say(search_->decide([&](const std::vector<Size>& tried) { return distiller_.unseen_loss(tried); }));
    take_decided_sizes();
    distiller_.run_at(narrow_students(sizes_));
    return true;
  }

  // The sizes as the router sees them at this step; returns their expected costs over the caps.
  JsonLine run_undecided() {
    std::vector<StudentSize> undecided = narrow_students(sizes_);
    JsonLine costs;
    for (const WidthSearch::Undecided& size : search_->sizes_at(state_.step)) {
      const std::string& name = names_[undecided.size()];
      undecided.push_back({name, size.context, 1, search_->parameters(), size.budget_loss});
      costs.set(name, size.cost);
    }
    distiller_.run_at(std::move(undecided));
    return costs;
  }

  StepResult trained_step() {
    const bool in_search = searching();
    StepResult result = distiller_.step(state_.step);
    for (const SizeOfStep& size : result.sizes)
      if (!size.result.finite()) folder_.stop_at_nan(state_.step, size.where);
    optimizer_.step(result.gradients, learning_rate(settings_.optimizer, state_.step, settings_.run.steps));
    if (in_search) search_->update(result.router_gradients, state_.step);
    if (average_) update_average(*average_, student_, settings_.family.average, state_.step);
    state_.step += 1;
    state_.tokens += result.tokens;
    return result;
  }

  // What the step that was done last goes into the log with. Shows and measures it when that is due.
  JsonLine step_line(TrainingBar& bar, const Measured& parent, const StepResult& result) const {
    const bool measured_now = is_due(state_.step, settings_.run.dev_every, settings_.run.steps);
    JsonLine line, by_size;
    line.set("step", state_.step).set("tokens", state_.tokens);
    std::string status = "KL";
    for (size_t s = 0; s < names_.size(); ++s) {
      JsonLine entry;
      if (const SizeOfStep* of_step = result.find(s)) {
        entry = size_json(of_step->result);
        status += " " + names_[s] + " " + format_number("%.4f", of_step->result.kl);
      }
      if (measured_now && s < sizes_.size()) {
        const Measured now = measured(result_weights(), SizeContext::narrow(sizes_[s].widths));
        entry.set("dev", measured_json(now));
        bar.say("step " + std::to_string(state_.step) + " " + names_[s] + ": " + measured_text(now));
        if (s == 0) warn_of_drift(bar, state_, settings_.run.steps, now, parent);
      }
      by_size.set(names_[s], entry);
    }
    bar.update(state_.step, result.tokens, status);
    return line.set("sizes", by_size);
  }

  const ElastifySettings& settings_;
  const Ranks& ranks_;
  FamilySpec parent_;
  ElasticFile file_;         // of the sizes that are decided
  std::vector<Size> sizes_;  // its sizes, largest first
  std::unique_ptr<WidthSearch> search_;
  std::vector<std::string> names_;
  ElasticPlan plan_;
  std::set<Role> frozen_;
  Curriculum curriculum_;
  RunFolder folder_;
  Weights teacher_, student_;
  AdamW optimizer_;
  std::optional<Weights> average_;
  std::map<std::string, Tensor> router_state_;  // the tensors in use
  TrainState state_;
  DevData dev_;
  Distiller distiller_;
};

}  // namespace

std::string settings_text(const ElastifySettings& s) {
  return settings_text(s.run) + job_text(s, settings_text(s.data));
}

void elastify(const ElastifySettings& settings, const Progress& progress) {
  const Ranks ranks(read_launch());
  ElasticRun(settings, ranks).run(progress);
}

}  // namespace starnest::train
