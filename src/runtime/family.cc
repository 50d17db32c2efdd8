#include "starnest/family.h"

#include <algorithm>

#include "core/arch/cost.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/format/effort_template.h"
#include "runtime/family_impl.h"

namespace starnest {
namespace {

std::optional<Tokenizer> read_tokenizer(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "tokenizer.json")) return std::nullopt;
  return Tokenizer(folder / "tokenizer.json");
}

bool has_effort_template(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "chat_template.jinja";
  return std::filesystem::exists(file) && read_text(file) == kEffortTemplate;
}

}  // namespace

Family::Impl::Impl(const std::filesystem::path& model, const OpenOptions& options)
    : spec(read_family(model, options.elastic)),
      tokenizer(read_tokenizer(spec.folder)),
      engine(spec, {.threads = options.threads, .sizes = options.sizes}, options.progress) {
  const std::filesystem::path& folder = spec.folder;
  spec.notices.insert(spec.notices.end(), engine.notices().begin(), engine.notices().end());
  rules.think = read_think_tokens(folder, tokenizer ? &*tokenizer : nullptr, engine.vocab());
  rules.stop_ids = read_stop_ids(folder, spec.spec.eos_ids);
  rules.max_context = spec.spec.max_context;
  for (const Size& size : engine.sizes().subspan(engine.largest())) {
    const Cost cost = cost_of(spec.spec, size.widths, StoredFormat::bf16);
    sizes.push_back({size.name, cost.parameters, cost.active_parameters});
  }
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

const std::vector<std::string>& Family::notices() const { return impl_->spec.notices; }

Plan Family::default_plan() const {
  Plan plan;
  const auto& defaults = impl_->spec.default_plan;
  plan.think_size = defaults ? defaults->think : impl_->sizes.front().name;
  plan.answer_size = defaults ? defaults->answer : impl_->sizes.front().name;
  return plan;
}

std::vector<TokenId> Family::prompt(std::string_view question, std::string_view effort) const {
  const Tokenizer& tokenizer = impl_->require_tokenizer();
  if (!has_effort_template(impl_->spec.folder))
    throw Error({.where = impl_->spec.folder.string(),
                 .what = "has a prompt format that is not known here",
                 .hint = "Write the whole prompt yourself and pass it raw"});
  std::vector<std::string> known{"e0", "e1", "e2"};
  const auto effort_id = tokenizer.id_of("<" + std::string(effort) + ">");
  if (!effort_id || std::find(known.begin(), known.end(), effort) == known.end())
    throw Error({.where = "effort", .what = in_quotes(effort) + " is not known", .hint = suggest(effort, known)});
  const auto require = [&](std::string_view token) {
    if (const auto id = tokenizer.id_of(token)) return *id;
    throw Error((impl_->spec.folder / "tokenizer.json").string(),
                "has no token " + in_quotes(token) + ", which the prompt format needs");
  };
  std::vector<TokenId> ids{require("<bos>")};
  const std::vector<TokenId> text =
      tokenizer.encode(question, {.add_special_tokens = false, .parse_special_tokens = false});
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
