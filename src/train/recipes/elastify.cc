#include "train/recipes/elastify.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>

#include "core/arch/cost.h"
#include "core/arch/family_spec.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/convert/small_files.h"
#include "starnest/error.h"
#include "train/distill/sandwich.h"
#include "train/distill/weight_average.h"
#include "train/modules/weights_io.h"
#include "train/recipes/measure.h"
#include "train/recipes/settings.h"
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

void freeze(Weights& weights, const std::vector<std::string>& names) {
  static const std::map<std::string, std::set<Role>> kRoles{
      {"embedding", {Role::embedding}},
      {"head", {Role::head}},
      {"gates", {Role::gate}},
      {"norms", {Role::block_norm, Role::gated_norm, Role::final_norm}}};
  for (const std::string& name : names) {
    const auto found = kRoles.find(name);
    if (found == kRoles.end())
      throw Error({.where = "--freeze",
                   .what = "there is nothing of this name",
                   .expected = "embedding, head, gates or norms",
                   .got = in_quotes(name)});
    weights.freeze([&](const TensorSpec& spec) { return found->second.contains(spec.role); });
  }
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

struct SizeOfStep {
  size_t size;        // number of the size
  std::string where;  // "batch 7, size small"
  SizeResult result;  // of the last batch that it ran on
};

struct StepResult {
  std::vector<SizeOfStep> sizes;
  std::vector<Tensor> gradients, router_gradients;
  int64_t tokens = 0;

  const SizeOfStep* find(size_t size) const {
    const auto found = std::find_if(sizes.rbegin(), sizes.rend(), [&](const auto& s) { return s.size == size; });
    return found == sizes.rend() ? nullptr : &*found;
  }
};

// Runs the sizes of a step on this process's share of its batches against the frozen teacher. Refers to what it is
// given.
class Distiller {
 public:
  Distiller(const ElastifySettings& settings, const Weights& teacher, const Weights& student, size_t sizes,
            const Ranks& ranks)
      : ranks_(ranks),
        teacher_(teacher),
        student_(student),
        micro_batches_(settings.curriculum.micro_batches),
        steps_(settings.run.steps),
        curriculum_(settings.curriculum, sizes, settings.run.steps, uint64_t(settings.run.seed)) {
    const auto batches = [&](const DataSettings& data) {
      return training_batches(data, settings.family.model, teacher.spec().vocab, settings.run.seed,
                              int64_t(settings.run.steps) * std::max(1, micro_batches_));
    };
    stage2_ = batches(settings.data);
    if (settings.curriculum.short_share == 0 || settings.data.is_text()) return;
    DataSettings stage1 = settings.data;
    stage1.mix.short_share = settings.curriculum.short_share;
    stage1_ = batches(stage1);
  }

  // The sizes that the next steps run, as many as the constructor was told.
  void run_at(std::vector<StudentSize> sizes) { sizes_ = std::move(sizes); }

  // Sum over sizes of the mean KL on batches that no step reads; the same in every process.
  double unseen_loss(const std::vector<Size>& sizes) {
    constexpr int64_t kBatches = 4;
    const torch::NoGradGuard no_gradients;
    double sum = 0;
    for (int64_t i = 0; i < kBatches; ++i) {
      const BatchTensors batch = stage2_->at(uint64_t(steps_ * std::max(1, micro_batches_) + i));
      const Tensor goal = completion_logits(teacher_, batch, SizeContext::full());
      for (const Size& size : sizes)
        sum += forward_kl(goal, completion_logits(student_, batch, SizeContext::narrow(size.widths)), batch.positions)
                   .item<double>() /
               kBatches;
    }
    return sum;
  }

  StepResult step(int64_t number, double clip) {
    StepResult result;
    if (micro_batches_ == 0) {
      std::vector<StudentSize> sizes = sizes_;
      for (size_t s = 0; s < sizes.size(); ++s) sizes[s].weight = curriculum_.weights(number)[s];
      std::vector<size_t> all(sizes.size());
      std::iota(all.begin(), all.end(), size_t{0});
      run(number, number, all, sizes, clip, result);
      return result;
    }
    const std::vector<size_t> drawn = curriculum_.draw(number);
    for (size_t i = 0; i < drawn.size(); ++i) {
      StudentSize size = sizes_[drawn[i]];
      size.weight = double(sizes_.size()) / double(drawn.size());  // the sum weighs as much as that of all sizes
      run(number, number * micro_batches_ + int64_t(i), {drawn[i]}, {size}, clip, result);
    }
    return result;
  }

 private:
  void run(int64_t step, int64_t number, const std::vector<size_t>& numbers, const std::vector<StudentSize>& sizes,
           double clip, StepResult& into) {
    BatchSource& source = stage1_ && !curriculum_.in_stage2(step) ? *stage1_ : *stage2_;
    const BatchTensors batch = share_of(source.at(uint64_t(number)), ranks_.rank(), ranks_.size());
    const Tensor goal = [&] {
      const torch::NoGradGuard no_gradients;
      return completion_logits(teacher_, batch, SizeContext::full());
    }();
    const SandwichResult result = sandwich(student_, goal, batch, sizes, clip, ranks_);
    for (size_t s = 0; s < sizes.size(); ++s)
      into.sizes.push_back(
          {numbers[s], "batch " + std::to_string(number) + ", size " + sizes[s].name, result.sizes[s]});
    if (into.gradients.empty())
      into.gradients = result.gradients;
    else
      for (size_t i = 0; i < into.gradients.size(); ++i) into.gradients[i].add_(result.gradients[i]);
    into.router_gradients = result.router_gradients;
    into.tokens += batch.tokens;
  }

  const Ranks& ranks_;
  const Weights& teacher_;
  const Weights& student_;
  std::vector<StudentSize> sizes_;
  int micro_batches_;
  int64_t steps_;
  Curriculum curriculum_;
  std::unique_ptr<BatchSource> stage1_, stage2_;  // stage1_ only where its data differ
};

void write_family(const std::filesystem::path& folder, const ElastifySettings& settings, const FamilySpec& parent,
                  ElasticFile file, const Weights& weights, const TrainState& state) {
  file.provenance = {{"ranked_on", std::string("\"") + description(settings.data) + ", completion positions\""},
                     {"trained_tokens", std::to_string(state.tokens)},
                     {"seed", std::to_string(settings.run.seed)}};
  copy_small_files(settings.family.model, folder, [](const std::string& note) { std::printf("%s\n", note.c_str()); });
  write_text(folder / "config.json", parent.config.text());
  write_text(folder / "elastic.json", write_elastic(file));
  write_weights(folder / "model.safetensors", weights);
}

int parse_number(const std::string& text, const std::string& where) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error({.where = where, .what = "is not a number", .got = in_quotes(text)});
  return number;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

ElasticSize parse_size(const std::string& text) {
  const size_t colon = text.find(':');
  ElasticSize size{.name = text.substr(0, colon), .values = {}, .layers = {}};
  const std::string where = "--size " + text;
  if (size.name.empty()) throw Error(where, "a size needs a name");
  if (colon == std::string::npos) return size;
  for (const std::string& entry : split(text.substr(colon + 1), ',')) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos)
      throw Error({.where = where, .what = "an entry has no value", .expected = "KEY=VALUE", .got = in_quotes(entry)});
    const std::string key = entry.substr(0, equals);
    std::vector<int> numbers;
    for (const std::string& number : split(entry.substr(equals + 1), '+'))
      numbers.push_back(parse_number(number, where));
    if (key == "layers") {
      size.layers = numbers;
      continue;
    }
    const std::optional<Axis> axis = axis_with_key(key);
    std::vector<std::string> known{"layers"};
    for (const Axis dial : kDials) known.emplace_back(key_of(dial));
    if (!axis) throw Error({.where = where, .what = "there is no key " + in_quotes(key), .hint = suggest(key, known)});
    const bool per_block = numbers.size() > 1;
    size.values.push_back({*axis, std::move(numbers), per_block});
  }
  return size;
}

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
  const FamilySpec parent = read_family(settings.family.model);
  ElasticFile file = family_file(parent.spec, first_sizes(settings));
  std::vector<Size> sizes = sizes_of(parent.spec, file);
  const std::unique_ptr<WidthSearch> search =
      make_search(settings.search, settings.router, parent.spec, settings.run.steps, uint64_t(settings.run.seed));
  std::vector<std::string> names = names_of(sizes);
  if (search)
    for (const Budget& budget : search->budgets()) names.push_back(budget.name);
  const ElasticPlan plan = default_plan(settings.family, names);
  print_sizes(parent.spec, sizes, ranks);
  RunFolder folder(settings.run, job_text(settings), ranks);
  const Weights teacher = read_weights(settings.family.model, parent.spec);
  Weights student = teacher.clone();
  freeze(student, settings.family.freeze);
  student.require_gradients();
  AdamW optimizer(student, settings.optimizer, ranks);
  const std::optional<Weights> average = decay > 0 ? std::optional(teacher.clone()) : std::nullopt;
  const Weights* const average_or_null = average ? &*average : nullptr;
  const Weights& result_weights = average ? *average : student;
  const std::map<std::string, Tensor> router_state = search ? search->state() : std::map<std::string, Tensor>{};
  TrainState state = folder.start(student, optimizer, average_or_null, router_state);
  const DevData dev =
      development_data(settings.data, settings.family.model, parent.spec.vocab, settings.run.dev_problems);
  // The others wait for the first process while it measures.
  const auto measured = [&](const Weights& weights, const SizeContext& size) {
    return ranks.first() ? measure(weights, size, dev) : Measured{};
  };
  const Measured parent_dev = measured(teacher, SizeContext::full());
  Distiller distiller(settings, teacher, student, names.size(), ranks);
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
  if (state.step == 0)
    for (const StudentSize& size : students)
      bar.say("before distillation, " + size.name + ": " + measured_text(measured(student, size.context)));
  while (state.step < settings.run.steps) {
    if (search && !search->decided() && state.step == search->steps()) {
      bar.say(search->decide([&](const std::vector<Size>& tried) { return distiller.unseen_loss(tried); }));
      take_decided_sizes();
      students = narrow_students(sizes);
      distiller.run_at(students);
    }
    JsonLine costs;  // of the sizes that are searched for, over their caps
    if (search && !search->decided()) {
      std::vector<StudentSize> undecided = narrow_students(sizes);
      for (const WidthSearch::Undecided& size : search->sizes_at(state.step)) {
        const std::string& name = names[undecided.size()];
        undecided.push_back({name, size.context, 1, search->parameters(), size.budget_loss});
        costs.set(name, size.cost);
      }
      distiller.run_at(std::move(undecided));
    }
    const StepResult result = distiller.step(state.step, settings.optimizer.clip);
    for (const SizeOfStep& size : result.sizes)
      if (!size.result.finite()) folder.stop_at_nan(state.step, size.where);
    optimizer.step(result.gradients, learning_rate(settings.optimizer, state.step, settings.run.steps));
    if (search && !search->decided()) search->update(result.router_gradients, state.step);
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
    if (search && !search->decided()) line.set("costs", costs);
    folder.log(line.set("seconds", bar.seconds()));
    bar.update(state.step, result.tokens, status);
    if (is_due(state.step, settings.run.checkpoint_every, settings.run.steps))
      folder.save(student, optimizer, state, average_or_null, router_state);
    if (progress) progress(uint64_t(state.step), uint64_t(settings.run.steps));
  }
  if (search && !search->decided()) {  // the search was the whole run
    bar.say(search->decide([&](const std::vector<Size>& tried) { return distiller.unseen_loss(tried); }));
    take_decided_sizes();
  }
  file.default_plan = plan;
  if (ranks.first()) write_family(folder.path(), settings, parent, file, result_weights, state);
}

}  // namespace starnest::train
