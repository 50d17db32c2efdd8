// The 64 character-level tokens of the synthetic tasks:
//
//   0 <pad>   1 <bos>   2 <eos>   3 <think>   4 </think>   5-7 <e0> <e1> <e2>   8-33 a-z   34-43 0-9
//   44-54 + - * = , ; : ( ) > ?   55-63 <spare_0> ... <spare_8>
//
// So few that embeddings cost almost nothing. The numbers are part of every trained checkpoint: never renumber; new
// tokens take spare ones. All functions are pure and may be called from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"

namespace starnest::tasks {

inline constexpr int kVocabulary = 64;

inline constexpr TokenId kPad = 0;
inline constexpr TokenId kBos = 1;
inline constexpr TokenId kEos = 2;
inline constexpr TokenId kThink = 3;
inline constexpr TokenId kEndThink = 4;
inline constexpr TokenId kFirstEffort = 5;  // <e0>; <e1> and <e2> follow
inline constexpr TokenId kStepEnd = 49;     // ';' closes every step of a trace: where thinking may be stopped

// The token's text: "<think>", "a", "+". Throws Error when `id` is not in [0, 64).
std::string_view token_name(TokenId id);

// Names of special tokens become their one id, every other character its own. Adds no <bos>. Throws Error naming the
// first character that has no token and its byte offset ('<' has none: it is only part of special tokens).
std::vector<TokenId> encode(std::string_view text);

// The inverse of encode, special tokens included. Throws Error on an id outside [0, 64).
std::string decode(std::span<const TokenId> ids);

// The same vocabulary as a Hugging Face tokenizer.json: byte-level BPE without merges, the `<...>` tokens special, no
// <bos> added. It differs from encode in one way: those tools drop a character without a token in silence.
std::string tokenizer_json();

}  // namespace starnest::tasks
