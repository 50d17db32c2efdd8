#include "format/text/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/source_file.h"
#include "format/json/json.h"
#include "format/text/chat_template.h"
#include "format/text/tokenizer.h"
#include "format/text/tokenizer_data.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// A way of cutting a text and llama.cpp's name for it, which also says whether a piece that is a token is left whole.
struct KnownCut {
  std::string_view pattern, name;
  bool ignore_merges;
};
constexpr std::string_view kGpt2Cut = "ByteLevel";  // the pattern built into it
constexpr std::array<KnownCut, 3> kKnownCuts{{
    {kGpt2Cut, "gpt-2", false},
    // Llama 3's. The name is that of the tokenizer which the Nemotron models have.
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "pixtral", true},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "tekken", true},
}};

// null says as little as no key.
bool flag(const nlohmann::json& node, const char* key, bool otherwise) {
  const auto found = node.find(key);
  return found == node.end() || found->is_null() ? otherwise : found->get<bool>();
}

// The patterns that a pre_tokenizer cuts by, in their order.
void collect_cuts(const nlohmann::json& node, std::vector<std::string>& cuts) {
  const std::string type = node.at("type");
  if (type == "Sequence")
    for (const auto& part : node.at("pretokenizers")) collect_cuts(part, cuts);
  else if (type == "ByteLevel" && flag(node, "add_prefix_space", false))
    cuts.emplace_back("a space in front");
  else if (type == "ByteLevel" && flag(node, "use_regex", true))
    cuts.emplace_back(kGpt2Cut);
  else if (type == "Split" && node.at("pattern").contains("Regex") && node.at("behavior") == "Isolated" &&
           !flag(node, "invert", false))
    cuts.push_back(node.at("pattern").at("Regex"));
  else if (type != "ByteLevel")
    cuts.push_back(type);
}

std::optional<std::string> name_of_cut(const nlohmann::json& document) {
  const auto& model = document.at("model");
  if (model.at("merges").empty()) return "gpt-2";  // every byte is a token, wherever the text is cut
  std::vector<std::string> cuts;
  collect_cuts(document.at("pre_tokenizer"), cuts);
  for (const KnownCut& known : kKnownCuts)
    if (cuts.size() == 1 && cuts.front() == known.pattern && flag(model, "ignore_merges", false) == known.ignore_merges)
      return std::string(known.name);
  return std::nullopt;
}

// The numbers of llama.cpp's token types.
enum TokenType : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

void add_tokens(const nlohmann::json& document, const Tokenizer& tokenizer, size_t vocabulary,
                std::vector<GgufKey>& keys) {
  std::set<size_t> added;
  if (const auto list = document.find("added_tokens"); list != document.end() && list->is_array())
    for (const auto& token : *list) added.insert(token.at("id").get<size_t>());
  std::vector<std::string> texts;
  std::vector<int32_t> types;
  for (size_t id = 0; id < vocabulary; ++id) {
    const std::string text = tokenizer.token_text(TokenId(id));
    texts.push_back(text.empty() ? "[PAD" + std::to_string(id) + "]" : text);
    if (text.empty())
      types.push_back(kUnused);
    else if (!added.contains(id))
      types.push_back(kNormal);
    else
      types.push_back(tokenizer.is_special(TokenId(id)) ? kControl : kUserDefined);
  }
  keys.push_back({"tokenizer.ggml.tokens", std::move(texts)});
  keys.push_back({"tokenizer.ggml.token_type", std::move(types)});
}

// "a b"; in the alphabet of bytes no token has a space.
std::vector<std::string> merges_of(const nlohmann::json& document) {
  std::vector<std::string> merges;
  for (const auto& merge : document.at("model").at("merges"))
    merges.push_back(merge.is_string() ? merge.get<std::string>()
                                       : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  return merges;
}

// A token that tokenizer_config.json names, as a text or an object around it.
std::optional<TokenId> named_token(const Json& names, const std::string& key, const Tokenizer& tokenizer) {
  const auto found = names.find(key);
  if (found == names.end()) return std::nullopt;
  if (found->is_string()) return tokenizer.id_of(found->get<std::string>());
  if (!found->is_object() || !found->contains("content") || !(*found)["content"].is_string()) return std::nullopt;
  return tokenizer.id_of((*found)["content"].get<std::string>());
}

void add_special_ids(const fs::path& folder, const HfConfig& config, const Tokenizer& tokenizer,
                     std::vector<GgufKey>& keys) {
  const fs::path file = folder / "tokenizer_config.json";
  Json names = Json::object();
  if (is_there(file)) names = parse_json(read_text(file), file.string());
  if (!names.is_object()) names = Json::object();
  constexpr std::array<std::array<const char*, 2>, 4> kSpecial{
      {{"bos", "bos"}, {"eos", "eos"}, {"unk", "unknown"}, {"pad", "padding"}}};
  for (const auto& special : kSpecial) {
    std::optional<TokenId> id = named_token(names, std::string(special[0]) + "_token", tokenizer);
    const std::vector<int> of_model = config.find_ints({std::string(special[0]) + "_token_id"});
    if (!id && !of_model.empty()) id = of_model.front();
    if (id && *id >= 0 && size_t(*id) < tokenizer.size())
      keys.push_back({"tokenizer.ggml." + std::string(special[1]) + "_token_id", uint32_t(*id)});
  }
}

}  // namespace

GgufVocabulary gguf_vocabulary(const fs::path& folder, const HfConfig& config, size_t vocabulary) {
  GgufVocabulary out;
  const auto none = [&](std::string why) {
    out.keys = {{"tokenizer.ggml.model", std::string("none")}};
    out.missing = std::move(why);
    return out;
  };
  const fs::path file = folder / "tokenizer.json";
  if (!is_there(file)) return none("the folder has no tokenizer.json");
  const std::string text = read_text(file);
  const Tokenizer tokenizer = Tokenizer::parse(text, file.string()).for_vocabulary(vocabulary);
  const nlohmann::json document = nlohmann::json::parse(text);
  const auto cut = name_of_cut(document);
  if (!cut) return none("llama.cpp has no name for the way in which tokenizer.json cuts a text");
  out.keys = {{"tokenizer.ggml.model", std::string("gpt2")}, {"tokenizer.ggml.pre", *cut}};
  add_tokens(document, tokenizer, vocabulary, out.keys);
  if (auto merges = merges_of(document); !merges.empty())
    out.keys.push_back({"tokenizer.ggml.merges", std::move(merges)});
  add_special_ids(folder, config, tokenizer, out.keys);
  const std::vector<TokenId> around = tokenizer.encode("");
  out.keys.push_back({"tokenizer.ggml.add_bos_token", !around.empty()});
  if (std::string chat = read_chat_template(folder); !chat.empty())
    out.keys.push_back({"tokenizer.chat_template", std::move(chat)});
  return out;
}

}  // namespace starnest
