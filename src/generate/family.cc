#include "starnest/family.h"

#include <algorithm>

#include "arch/cost.h"
#include "arch/pass_cost.h"
#include "base/memory.h"
#include "base/range.h"
#include "base/source_file.h"
#include "base/text.h"
#include "engine/bandwidth.h"
#include "engine/memory_fit.h"
#include "format/text/chat_template.h"
#include "format/text/effort_template.h"
#include "generate/chat_format.h"
#include "generate/family_impl.h"
#include "generate/generation_config.h"
#include "kernels/attention.h"
#include "kernels/devices.h"

namespace starnest {
namespace {

// With the tokens that the model has. Where the file holds more, a notice says so: most texts need none of them.
std::optional<Tokenizer> read_tokenizer(FamilySpec& family) {
  const std::filesystem::path file = family.folder / "tokenizer.json";
  if (!is_there(file)) return std::nullopt;
  const Tokenizer tokenizer(file);
  std::vector<TokenId> beyond;
  for (size_t id = size_t(family.spec.vocab); id < tokenizer.size(); ++id)
    if (!tokenizer.token_text(TokenId(id)).empty()) beyond.push_back(TokenId(id));
  if (!beyond.empty())
    family.notices.push_back(file.string() + " has tokens that the model has no embedding for (" +
                             grouped(beyond.size()) + ", the first is " + in_quotes(tokenizer.token_text(beyond[0])) +
                             ", id " + std::to_string(beyond[0]) + "); text that needs one is refused");
  return tokenizer.for_vocabulary(size_t(family.spec.vocab));
}

constexpr uint64_t kMiB = uint64_t{1} << 20;

// What is quick to check is checked before the weights are read. The choice of a size is a notice of the family.
EngineOptions engine_options(FamilySpec& family, const OpenOptions& options) {
  require_range("ctx-size", options.context, 0, most_context(family.spec),
                "0 takes what the model allows and memory holds");
  EngineOptions out{.threads = options.threads, .sizes = options.sizes, .device = options.device};
  if (options.kv_bytes) out.kv_limit = options.kv_bytes;
  if (options.kv_type)
    out.kv_dtype = *options.kv_type == KvType::f32    ? DType::f32
                   : *options.kv_type == KvType::bf16 ? DType::bf16
                                                      : DType::f8_e4m3;
  if (!asks_for_choice(family, options.sizes)) return out;
  require_at_least("sequences", options.sequences, 1);
  const Load load{uint64_t(options.context), uint64_t(options.sequences)};
  const ChosenSize chosen = choose_size(family, load, out.kv_dtype, available_memory());
  family.notices.push_back(chosen.notice);
  out.sizes = {chosen.name};
  return out;
}

PassCosts pass_costs(const FamilySpec& family, const Engine& engine) {
  std::vector<const Widths*> widths;
  for (const Size& size : family.sizes.ascending()) widths.push_back(&size.widths);
  return {family.spec, engine.encoding_of(), widths};
}

GenerationRules read_rules(FamilySpec& family, const Tokenizer* tokenizer, std::string_view chat_template) {
  GenerationRules rules;
  rules.think = read_think_tokens(family.folder, tokenizer, size_t(family.spec.vocab), chat_template);
  for (const TokenId id : read_stop_ids(family.folder, family.spec.eos_ids)) {
    if (id >= 0 && id < family.spec.vocab)
      rules.stop_ids.push_back(id);
    else
      family.notices.push_back("the stop token " + std::to_string(id) + " is not in the vocabulary: it ends no text");
  }
  if (!rules.think) return rules;
  rules.think->breaks = rules.stop_ids;
  if (const auto end = tokenizer ? tokenizer->id_of(kTurnEnd) : std::nullopt) rules.think->breaks.push_back(*end);
  return rules;
}

void add_unused_keys(FamilySpec& family) {
  const std::vector<std::string> keys = unused_generation_keys(family.folder);
  if (keys.empty()) return;
  family.notices.push_back((family.folder / "generation_config.json").string() +
                           ": not implemented here, and not used: " + join(keys, ", "));
}

// A tenth and at least 256 MiB stay for the activations of a chunk and for everyone else. Never less than one block, so
// that short texts run even where little is left.
int context_in(uint64_t available, uint64_t bytes_per_token) {
  const uint64_t kept_free = std::max(available / 10, 256 * kMiB);
  const uint64_t blocks = (available - std::min(kept_free, available)) / (bytes_per_token * kKvBlock);
  return int(std::clamp<uint64_t>(blocks, 1, kMostContext / kKvBlock) * kKvBlock);
}

}  // namespace

KvType kv_type_named(std::string_view name) {
  if (name == "f32") return KvType::f32;
  if (name == "bf16") return KvType::bf16;
  if (name == "fp8") return KvType::fp8;
  throw Error({.where = "kv-dtype", .what = "is not known", .expected = "f32, bf16 or fp8", .got = std::string(name)});
}

Family::Impl::Impl(const std::filesystem::path& model, const OpenOptions& options)
    : spec(read_family(model, options.elastic)),
      tokenizer(read_tokenizer(spec)),
      chat_template(read_chat_template(spec.folder)),
      rules(read_rules(spec, tokenizer ? &*tokenizer : nullptr, chat_template)),
      sampling(read_sampling(spec.folder)),
      engine(spec, engine_options(spec, options), options.progress),
      snapshots(options.cache_bytes),
      costs(pass_costs(spec, engine)) {
  for (const Size& size : engine.sizes().ascending()) states.add(state_cost_of(spec.spec, size.widths));
  spec.notices.insert(spec.notices.end(), engine.notices().begin(), engine.notices().end());
  add_unused_keys(spec);
  describe_sizes();
  info.architecture = spec.spec.architecture;
  info.weight_dtype = names_of(engine.encodings());
  info.kv_dtype = name_of(engine.kv_dtype());
  info.kernel_path = engine.device().kernel_path();
  info.threads = engine.threads();
  set_context(options);
}

void Family::Impl::describe_sizes() {
  sizes.clear();
  const SizeCosts costs_of_sizes(spec.spec, engine.encoding_of());
  for (size_t number = engine.resident(); number >= 1; --number) {
    const Size& size = engine.sizes().at(number);
    const Cost cost = costs_of_sizes.of(size.widths);
    sizes.push_back({size.name, cost.parameters, cost.active_parameters, cost.bytes, cost.decode_bytes_per_token});
  }
}

// Keys and values are taken as a text grows, so that a large context costs nothing until it is used.
void Family::Impl::set_context(const OpenOptions& options) {
  const std::vector<std::string>& names = options.sizes;
  const bool any = names.empty() || asks_for_choice(spec, names);
  uint64_t per_token = 0;
  for (const Size& size : engine.sizes().up_to(engine.resident()))
    if (any || std::find(names.begin(), names.end(), size.name) != names.end())
      per_token = std::max(per_token, state_cost_of(spec.spec, size.widths).kv_per_token * size_of(engine.kv_dtype()));
  info.model_context = spec.spec.max_context;
  info.memory_context = per_token ? context_in(available_memory(), per_token) : kMostContext;
  const int allowed = most_context(spec.spec);
  info.context = options.context ? options.context : std::min(allowed, info.memory_context);
  rules.max_context = info.context;
  if (options.context)
    rules.context_hint = "The context was set to this; the model allows " + std::to_string(allowed);
  else if (info.context < allowed)
    rules.context_hint = "Memory holds no more beside the weights; the model allows " + std::to_string(allowed);
}

uint64_t Family::Impl::kv_bytes(size_t size, size_t tokens) const {
  const size_t blocks = (tokens + kKvBlock - 1) / kKvBlock;
  return blocks * kKvBlock * states.at(size).kv_per_token * size_of(engine.kv_dtype());
}

double Family::Impl::bytes_moved(std::span<const BatchItem> items) const {
  std::vector<PassCosts::Part> parts;
  double beside = 0;  // states, keys and values
  for (const BatchItem& item : items) {
    const Sequence& sequence = *item.sequence;
    const size_t tokens = item.tokens.size();
    const size_t logits = item.want == Want::none ? 0 : item.want == Want::last ? 1 : tokens;
    parts.push_back({sequence.size(), tokens, logits});
    const StateCost& state = states.at(sequence.size());
    beside += double(sequence.position()) * double(state.kv_per_token * size_of(engine.kv_dtype())) +
              2 * sizeof(float) * double(state.ssm + state.conv);
  }
  return costs.of(std::move(parts)).bytes + beside;
}

const Tokenizer& Family::Impl::require_tokenizer() const {
  if (tokenizer) return *tokenizer;
  throw Error(
      {.where = spec.folder.string(), .what = "has no tokenizer.json", .hint = "Give token ids instead of text"});
}

Family Family::open(const std::filesystem::path& model, const OpenOptions& options) {
  return Family(std::make_shared<Impl>(model, options));
}

const std::vector<SizeInfo>& Family::sizes() const { return impl_->sizes; }
uint64_t Family::resident_bytes() const { return impl_->engine.resident_bytes(); }

void Family::load(std::string_view name, const std::function<void(uint64_t done, uint64_t total)>& progress) {
  impl_->engine.load(name, progress);
  impl_->describe_sizes();
}

void Family::drop_above(std::string_view name) {
  impl_->engine.drop_above(name);
  for (size_t size = impl_->engine.resident() + 1; size <= impl_->engine.sizes().largest(); ++size)
    impl_->snapshots.drop(size);
  impl_->describe_sizes();
}

const std::vector<std::string>& Family::notices() const { return impl_->spec.notices; }
FamilyInfo Family::info() const { return impl_->info; }
Sampling Family::default_sampling() const { return impl_->sampling; }
double Family::measure_bandwidth() const {
  return read_bandwidth(impl_->engine.device(), impl_->engine.pool(), 256 * kMiB, /*rounds=*/2);
}
std::string Family::kernel_path() { return std::string(make_device(kDefaultDevice)->kernel_path()); }

const SizeInfo& Family::size(std::string_view name) const {
  const std::string& known = impl_->engine.name_of(impl_->engine.size_named(name));
  return *std::find_if(impl_->sizes.begin(), impl_->sizes.end(), [&](const SizeInfo& s) { return s.name == known; });
}

Plan Family::default_plan() const { return {.stages = resolved({}).stages}; }

Plan Family::resolved(const Plan& plan) const {
  const ResolvedPlan all = impl_->resolved(plan);
  Plan out = plan;
  out.stages.clear();
  for (const ResolvedStage& stage : all.stages) out.stages.push_back({impl_->engine.name_of(stage.size), stage.until});
  return out;
}

bool Family::thinks() const { return impl_->rules.think.has_value(); }
bool Family::opens_thinking(const std::vector<TokenId>& prompt) const {
  return thinks() && open_thought(*impl_->rules.think, prompt).has_value();
}

void Family::check(const Sampling& asked) const { check_sampling(asked, impl_->spec.folder, impl_->sampling); }

bool Family::has_tokenizer() const { return impl_->tokenizer.has_value(); }
const Tokenizer& Family::tokenizer() const { return impl_->require_tokenizer(); }
Engine& Family::engine() const { return impl_->engine; }
const FamilySpec& Family::spec() const { return impl_->spec; }

PromptFormat Family::prompt_format() const {
  if (impl_->chat_template.empty()) return PromptFormat::none;
  if (impl_->chat_template == kEffortTemplate) return PromptFormat::task;
  return is_chat_template(impl_->chat_template) ? PromptFormat::chat : PromptFormat::unknown;
}

std::vector<TokenId> Family::prompt(std::string_view question, const ChatOptions& options) const {
  if (prompt_format() == PromptFormat::none) return encode(question);
  return chat({{"user", std::string(question)}}, options);
}

std::vector<TokenId> Family::chat_turn(std::string_view said, const ChatOptions& options) const {
  if (!remembers()) throw Error(impl_->spec.folder.string(), "has a prompt format that holds the last message alone");
  return tokens_of(render_turn(std::string(said), options), impl_->require_tokenizer());
}

std::vector<TokenId> Family::chat(const std::vector<ChatMessage>& messages, const ChatOptions& options) const {
  const Tokenizer& words = impl_->require_tokenizer();
  require_prompt_format();
  for (const auto& [name, value] : options.arguments)
    if (name != "effort")
      throw Error({.where = "template argument " + in_quotes(name), .what = "is not known", .expected = "effort"});
  const auto given = options.arguments.find("effort");
  const std::string effort = given == options.arguments.end() ? "e2" : given->second;
  if (prompt_format() == PromptFormat::chat) {
    ChatOptions without = options;
    without.think = options.think && effort != "e0";
    return tokens_of(render(messages, without), words);
  }
  if (messages.empty()) throw Error("messages", "there is none");
  return impl_->effort_prompt(messages.back().content, options.think ? effort : "e0");
}

void Family::require_prompt_format() const {
  const PromptFormat format = prompt_format();
  if (format == PromptFormat::chat || format == PromptFormat::task) return;
  if (format == PromptFormat::none)
    throw Error({.where = impl_->spec.folder.string(),
                 .what = "has no chat format: it is a plain text model",
                 .hint = "Let it go on with a text ('starnest run', or 'starnest run --raw')"});
  throw Error({.where = impl_->spec.folder.string(),
               .what = "has a prompt format that is not known here",
               .hint = "Write the whole prompt yourself and pass it raw ('starnest run --raw')"});
}

// kEffortTemplate, natively.
std::vector<TokenId> Family::Impl::effort_prompt(std::string_view question, const std::string& effort) const {
  const Tokenizer& words = require_tokenizer();
  std::vector<std::string> known{"e0", "e1", "e2"};
  const auto effort_id = words.id_of("<" + effort + ">");
  if (!effort_id || std::find(known.begin(), known.end(), effort) == known.end())
    throw Error({.where = "effort", .what = in_quotes(effort) + " is not known", .hint = suggest(effort, known)});
  const auto require = [&](std::string_view token) {
    if (const auto id = words.id_of(token)) return *id;
    throw Error((spec.folder / "tokenizer.json").string(),
                "has no token " + in_quotes(token) + ", which the prompt format needs");
  };
  std::vector<TokenId> ids{require("<bos>")};
  const std::vector<TokenId> text =
      words.encode(question, {.add_special_tokens = false, .parse_special_tokens = false});
  ids.insert(ids.end(), text.begin(), text.end());
  ids.push_back(*effort_id);
  ids.push_back(require("<think>"));
  return ids;
}

std::vector<TokenId> Family::encode(std::string_view text) const { return impl_->require_tokenizer().encode(text); }

std::string Family::decode(const std::vector<TokenId>& ids) const {
  return impl_->require_tokenizer().decode(ids, /*skip_special=*/false);
}

}  // namespace starnest
