#include "tasks/vocabulary.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {
namespace {

using Names = std::array<std::string, kVocabulary>;

constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789+-*=,;:()>?";
constexpr size_t kFirstCharacter = 8;
constexpr size_t kFirstSpare = kFirstCharacter + kCharacters.size();
static_assert(kFirstSpare == 55 && kCharacters[size_t(kStepEnd) - kFirstCharacter] == ';');

const Names& names() {
  static const Names table = [] {
    Names t{"<pad>", "<bos>", "<eos>", "<think>", "</think>", "<e0>", "<e1>", "<e2>"};
    for (size_t i = 0; i < kCharacters.size(); ++i) t[kFirstCharacter + i] = kCharacters[i];
    for (size_t i = kFirstSpare; i < t.size(); ++i) t[i] = "<spare_" + std::to_string(i - kFirstSpare) + ">";
    return t;
  }();
  return table;
}

bool is_special(size_t id) { return id < kFirstCharacter || id >= kFirstSpare; }

// The token that starts `text`. No name of a special token begins with another's, so the first match is the longest.
std::optional<size_t> first_token(std::string_view text) {
  if (text.front() != '<') {
    const size_t at = kCharacters.find(text.front());
    if (at == std::string_view::npos) return std::nullopt;
    return kFirstCharacter + at;
  }
  for (size_t id = 0; id < names().size(); ++id) {
    if (is_special(id) && text.starts_with(names()[id])) return id;
  }
  return std::nullopt;
}

// The first character of `text` for a message: as it is if it can be shown, else its byte in hexadecimal.
std::string shown(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = uint8_t(text.front());
  size_t length = 1;
  while (length < text.size() && length < 4 && (uint8_t(text[length]) & 0xc0) == 0x80) ++length;
  const std::string_view character = text.substr(0, byte < 0x80 ? 1 : length);
  if (byte >= 0x20 && byte != 0x7f && valid_utf8_prefix(character) == character.size()) return in_quotes(character);
  return std::string("byte 0x") + kHex[byte >> 4] + kHex[byte & 15];
}

}  // namespace

std::string_view token_name(TokenId id) {
  if (id < 0 || id >= kVocabulary) {
    throw Error({.where = "task vocabulary",
                 .what = "no such token",
                 .expected = "an id from 0 to " + std::to_string(kVocabulary - 1),
                 .got = std::to_string(id)});
  }
  return names()[size_t(id)];
}

std::vector<TokenId> encode(std::string_view text) {
  std::vector<TokenId> ids;
  ids.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const std::optional<size_t> id = first_token(text.substr(at));
    if (!id) {
      throw Error({.where = "task text, offset " + std::to_string(at),
                   .what = "character without a token",
                   .expected = "a special token such as <think>, or one of " + std::string(kCharacters),
                   .got = shown(text.substr(at))});
    }
    ids.push_back(TokenId(*id));
    at += names()[*id].size();
  }
  return ids;
}

std::string decode(std::span<const TokenId> ids) {
  std::string text;
  for (const TokenId id : ids) text += token_name(id);
  return text;
}

std::string tokenizer_json() {
  std::string added, vocabulary;
  for (size_t id = 0; id < names().size(); ++id) {
    const std::string number = std::to_string(id);
    const std::string name = '"' + names()[id] + '"';  // no token holds a character that JSON escapes
    if (is_special(id)) {
      if (!added.empty()) added += ",\n";
      added += "    {\"id\": " + number + ", \"content\": " + name +
               ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
               "\"special\": true}";
    }
    if (!vocabulary.empty()) vocabulary += ",\n";
    vocabulary += "      " + name + ": " + number;
  }
  // Letters, digits and ASCII punctuation stand for themselves in the byte-level alphabet. Without merges the split
  // into words has no effect, hence use_regex false.
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [\n" + added +
         "\n  ],\n  \"normalizer\": null,\n"
         "  \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
         "\"use_regex\": false},\n"
         "  \"post_processor\": null,\n"
         "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
         "\"use_regex\": false},\n"
         "  \"model\": {\n    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
         "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, \"fuse_unk\": false, "
         "\"byte_fallback\": false, \"ignore_merges\": false,\n    \"vocab\": {\n" +
         vocabulary + "\n    },\n    \"merges\": []\n  }\n}\n";
}

}  // namespace starnest::tasks
