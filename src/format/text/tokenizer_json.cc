// tokenizer.json of HF tokenizers -> TokenizerData.
#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "format/json/json.h"
#include "format/text/tokenizer_data.h"
#include "format/text/unicode.h"
#include "starnest/error.h"

namespace starnest {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxFileBytes = 512'000'000;
constexpr int64_t kMaxTokens = 1 << 22;  // the largest vocabularies in use have about 260,000

// The pattern built into ByteLevel (GPT-2's).
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A value of the file with its place, for messages: "tokenizer.json: model.merges[3]".
struct Node {
  const json* value;
  std::string where;

  const json& operator*() const { return *value; }
  const json* operator->() const { return value; }
  bool is_absent() const { return !value || value->is_null(); }
  [[noreturn]] void fail(std::string what, std::string expected = {}, std::string got = {}) const {
    throw Error({.where = where, .what = std::move(what), .expected = std::move(expected), .got = std::move(got)});
  }

  Node find(const char* key) const {  // absent when the key is
    if (!value->is_object()) fail("has the wrong type", "an object", value->type_name());
    const auto found = value->find(key);
    return {found == value->end() ? nullptr : &*found, where + (where.ends_with(": ") ? "" : ".") + key};
  }
  Node at(const char* key) const {
    Node node = find(key);
    if (!node.value) node.fail("is missing");
    return node;
  }
  Node element(size_t i) const { return {&(*value)[i], where + "[" + std::to_string(i) + "]"}; }
  size_t count() const {
    if (!value->is_array()) fail("has the wrong type", "an array", value->type_name());
    return value->size();
  }
  const std::string& text() const {
    if (!value->is_string()) fail("has the wrong type", "a string", value->type_name());
    return value->get_ref<const std::string&>();
  }
  bool flag() const {
    if (!value->is_boolean()) fail("has the wrong type", "true or false", value->type_name());
    return value->get<bool>();
  }
  bool flag_or(const char* key, bool otherwise) const {
    const Node node = find(key);
    return node.is_absent() ? otherwise : node.flag();
  }
  TokenId id() const {
    const bool fits = value->is_number_unsigned() && value->get<uint64_t>() < uint64_t(kMaxTokens);
    if (!fits) fail("is not a token id", "an integer from 0 to " + std::to_string(kMaxTokens - 1), value->dump());
    return TokenId(value->get<int64_t>());
  }
  std::string type() const { return at("type").text(); }
  [[noreturn]] void unsupported(const std::string& type, const char* known) const {
    fail("the type " + in_quotes(type) + " is not supported", known);
  }
};

// --- model ---------------------------------------------------------------------------------------------------------

void add_token(TokenizerData& data, const std::string& text, std::string bytes, const Node& node) {
  const auto id = size_t(node.id());
  if (id >= data.tokens.size()) data.tokens.resize(id + 1);
  if (!data.tokens[id].text.empty()) {
    node.fail("two tokens have the id " + std::to_string(id), {},
              in_quotes(data.tokens[id].text) + " and " + in_quotes(text));
  }
  data.tokens[id] = {.text = text, .bytes = std::move(bytes)};
  data.ids.emplace(text, TokenId(id));
}

void read_vocab(const Node& vocab, TokenizerData& data) {
  if (!vocab->is_object()) vocab.fail("has the wrong type", "an object", vocab->type_name());
  for (const auto& [text, id] : vocab->items()) {
    const Node node{&id, vocab.where + "[" + in_quotes(text) + "]"};
    if (text.empty()) node.fail("a token without text");
    add_token(data, text, unspell_bytes(text).value_or(text), node);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = data.ids.find(spell_bytes(std::string(1, char(byte))));
    if (found != data.ids.end()) data.bpe.set_byte(uint8_t(byte), found->second);
  }
}

TokenId known_token(const TokenizerData& data, std::string_view text, const Node& node) {
  const auto found = data.ids.find(text);
  if (found == data.ids.end()) node.fail("names a token that the vocabulary lacks", {}, in_quotes(text));
  return found->second;
}

// "a b" or ["a", "b"].
std::pair<std::string_view, std::string_view> merge_parts(const Node& merge) {
  if (merge->is_string()) {
    const std::string_view text = merge.text();
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) {
      merge.fail("is not a merge", "two tokens with one space between", in_quotes(text));
    }
    return {text.substr(0, space), text.substr(space + 1)};
  }
  if (merge.count() != 2) merge.fail("is not a merge", "two tokens", std::to_string(merge.count()));
  return {merge.element(0).text(), merge.element(1).text()};
}

void read_merges(const Node& merges, TokenizerData& data) {
  for (size_t i = 0; i < merges.count(); ++i) {
    const Node merge = merges.element(i);
    const auto [left, right] = merge_parts(merge);
    const TokenId merged = known_token(data, std::string(left) + std::string(right), merge);
    data.bpe.add_merge(known_token(data, left, merge), known_token(data, right, merge), merged);
  }
}

void read_model(const Node& model, TokenizerData& data) {
  const Node type = model.find("type");  // files of early versions have none
  if (!type.is_absent() && type.text() != "BPE") model.unsupported(type.text(), "BPE");
  if (!model.find("dropout").is_absent())
    model.find("dropout").fail("makes the ids random, which is not supported", "null");
  if (model.flag_or("byte_fallback", false)) model.find("byte_fallback").fail("is not supported", "false");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Node affix = model.find(key);
    if (!affix.is_absent() && !affix.text().empty()) affix.fail("is not supported", "null", in_quotes(affix.text()));
  }
  read_vocab(model.at("vocab"), data);
  read_merges(model.at("merges"), data);
  data.ignore_merges = model.flag_or("ignore_merges", false);
  const Node unknown = model.find("unk_token");
  if (!unknown.is_absent()) {
    data.bpe.set_unknown(known_token(data, unknown.text(), unknown), model.flag_or("fuse_unk", false));
  }
}

// --- normalizer, pre_tokenizer -------------------------------------------------------------------------------------

void read_normalizer(const Node& node, TokenizerData& data) {
  if (node.is_absent()) return;
  const std::string type = node.type();
  if (type == "NFC") {
    data.nfc = true;
  } else if (type == "Sequence") {
    const Node parts = node.at("normalizers");
    for (size_t i = 0; i < parts.count(); ++i) read_normalizer(parts.element(i), data);
  } else {
    node.unsupported(type, "null, NFC or a Sequence of these");
  }
}

SplitBehavior read_behavior(const Node& node) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames{
      {{"Isolated", SplitBehavior::isolated},
       {"Removed", SplitBehavior::removed},
       {"MergedWithPrevious", SplitBehavior::merged_with_previous},
       {"MergedWithNext", SplitBehavior::merged_with_next},
       {"Contiguous", SplitBehavior::contiguous}}};
  for (const auto& [name, behavior] : kNames)
    if (node.text() == name) return behavior;
  node.fail("unknown behavior", "Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous",
            in_quotes(node.text()));
}

PretokenStep read_split(const Node& node) {
  const Node pattern = node.at("pattern");
  const Node regex = pattern.find("Regex"), text = pattern.find("String");
  if (regex.is_absent() == text.is_absent()) pattern.fail("is not a pattern", "either Regex or String");
  const Node& given = regex.is_absent() ? text : regex;
  const auto syntax = regex.is_absent() ? Regex::Syntax::literal : Regex::Syntax::oniguruma;
  return {.pattern = Regex(given.text(), syntax, given.where),
          .behavior = read_behavior(node.at("behavior")),
          .invert = node.flag_or("invert", false)};
}

PretokenStep read_byte_level(const Node& node) {
  PretokenStep step{.pattern = std::nullopt, .add_prefix_space = node.at("add_prefix_space").flag()};
  if (node.flag_or("use_regex", true)) step.pattern = Regex(kByteLevelPattern, Regex::Syntax::oniguruma, node.where);
  return step;
}

PretokenStep read_digits(const Node& node) {
  const bool individual = node.flag_or("individual_digits", false);
  return {.pattern = Regex("\\p{N}", Regex::Syntax::oniguruma, node.where),
          .behavior = individual ? SplitBehavior::isolated : SplitBehavior::contiguous};
}

// Returns whether ByteLevel was met, after which nothing may follow: the text would be in its alphabet.
bool read_steps(const Node& node, std::vector<PretokenStep>& steps) {
  const std::string type = node.is_absent() ? "null" : node.type();
  if (type == "ByteLevel")
    steps.push_back(read_byte_level(node));
  else if (type == "Split")
    steps.push_back(read_split(node));
  else if (type == "Digits")
    steps.push_back(read_digits(node));
  else if (type != "Sequence")
    node.unsupported(type, "ByteLevel, Split, Digits or a Sequence of these");
  if (type != "Sequence") return type == "ByteLevel";

  const Node parts = node.at("pretokenizers");
  bool complete = false;
  for (size_t i = 0; i < parts.count(); ++i) {
    if (complete) parts.element(i).fail("a step after ByteLevel is not supported");
    complete = read_steps(parts.element(i), steps);
  }
  return complete;
}

void read_pretokenizer(const Node& node, TokenizerData& data) {
  std::vector<PretokenStep> steps;
  if (!read_steps(node, steps)) node.fail("only byte-level vocabularies are supported", "ByteLevel as the last step");
  data.pretokenizer = Pretokenizer(std::move(steps));
}

// --- added_tokens, post_processor, decoder --------------------------------------------------------------------------

AddedToken read_added_token(const Node& node, TokenizerData& data) {
  AddedToken token{.id = node.at("id").id(),
                   .content = node.at("content").text(),
                   .special = node.flag_or("special", false),
                   .normalized = node.flag_or("normalized", false),
                   .lstrip = node.flag_or("lstrip", false),
                   .rstrip = node.flag_or("rstrip", false),
                   .single_word = node.flag_or("single_word", false)};
  if (token.content.empty()) node.fail("a token without text");
  const auto known = data.ids.find(token.content);
  const bool in_vocab = known != data.ids.end();
  if (!in_vocab)
    add_token(data, token.content, token.content, node.at("id"));
  else if (known->second != token.id)
    node.fail("has another id in the vocabulary", std::to_string(known->second), std::to_string(token.id));
  TokenEntry& entry = data.tokens[size_t(token.id)];
  entry.bytes = token.content;  // it is found in the text as it is written, not as bytes spelled
  entry.special = token.special;
  entry.in_vocab = in_vocab;
  if (token.normalized && data.nfc) token.content = to_nfc(token.content);
  return token;
}

void read_added_tokens(const Node& list, TokenizerData& data) {
  if (list.is_absent()) return;
  std::vector<AddedToken> raw, normalized;
  for (size_t i = 0; i < list.count(); ++i) {
    AddedToken token = read_added_token(list.element(i), data);
    (token.normalized ? normalized : raw).push_back(std::move(token));
  }
  data.raw_added = AddedTokenMatcher(std::move(raw));
  data.normalized_added = AddedTokenMatcher(std::move(normalized));
}

// The ids that one SpecialToken of a template stands for.
void append_template_ids(const Node& processor, const Node& piece, const TokenizerData& data,
                         std::vector<TokenId>& ids) {
  const Node ids_node = processor.at("special_tokens").at(piece.at("id").text().c_str()).at("ids");
  for (size_t i = 0; i < ids_node.count(); ++i) {
    const TokenId id = ids_node.element(i).id();
    if (size_t(id) >= data.tokens.size()) ids_node.fail("names an id that no token has", {}, std::to_string(id));
    ids.push_back(id);
  }
}

void read_template(const Node& node, TokenizerData& data) {
  const Node pieces = node.at("single");
  std::vector<TokenId> before, after;
  bool has_sequence = false;
  for (size_t i = 0; i < pieces.count(); ++i) {
    const Node piece = pieces.element(i), special = piece.find("SpecialToken"), sequence = piece.find("Sequence");
    if (!special.is_absent()) {
      append_template_ids(node, special, data, has_sequence ? after : before);
    } else {
      const bool is_text = !sequence.is_absent() && sequence.at("id").text() == "A" && !has_sequence;
      if (!is_text) piece.fail("is not supported", "special tokens around one Sequence 'A'");
      has_sequence = true;
    }
  }
  if (!has_sequence) pieces.fail("has no Sequence 'A'");
  // HF tokenizers drops text or panics here.
  if (!data.prefix.empty() || !data.suffix.empty()) node.fail("a second TemplateProcessing is not supported");
  data.prefix = std::move(before);
  data.suffix = std::move(after);
}

void read_post_processor(const Node& node, TokenizerData& data) {
  if (node.is_absent()) return;
  const std::string type = node.type();
  if (type == "ByteLevel") return;  // changes offsets only
  if (type == "TemplateProcessing") return read_template(node, data);
  if (type != "Sequence") node.unsupported(type, "TemplateProcessing, ByteLevel or a Sequence of these");
  const Node parts = node.at("processors");
  for (size_t i = 0; i < parts.count(); ++i) read_post_processor(parts.element(i), data);
}

void check_decoder(const Node& node) {
  const std::string type = node.is_absent() ? "null" : node.type();
  if (type != "ByteLevel") node.unsupported(type, "ByteLevel");
}

json parse(std::string_view text, const std::string& where) {
  refuse_deep_nesting(text, where);
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw Error(where, std::string("is not JSON (") + error.what() + ")");
  }
}

}  // namespace

TokenizerData read_tokenizer_json(const std::filesystem::path& path) {
  return parse_tokenizer_json(read_text(path, kMaxFileBytes), path.string());
}

TokenizerData parse_tokenizer_json(std::string_view text, const std::string& where) {
  const json document = parse(text, where);
  const Node root{&document, where + ": "};
  TokenizerData data;
  read_model(root.at("model"), data);
  read_normalizer(root.find("normalizer"), data);
  read_added_tokens(root.find("added_tokens"), data);
  read_pretokenizer(root.find("pre_tokenizer"), data);
  read_post_processor(root.find("post_processor"), data);
  check_decoder(root.find("decoder"));
  return data;
}

}  // namespace starnest
