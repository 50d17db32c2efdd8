#include "base/check.h"
#include "base/text.h"
#include "format/text/tokenizer.h"
#include "target.h"

namespace starnest::fuzz {
namespace {

const Tokenizer& real_tokenizer() {
  static const Tokenizer tokenizer(STARNEST_SOURCE_DIR "/tests/data/tokenizers/gpt2_tokenizer.json");
  return tokenizer;
}

}  // namespace

void prompt(std::string_view bytes) {
  const Tokenizer& tokenizer = real_tokenizer();
  const bool valid = valid_utf8_prefix(bytes) == bytes.size();
  const std::vector<TokenId> ids =
      tokenizer.encode(bytes, {.add_special_tokens = false, .parse_special_tokens = false});
  SN_CHECK(valid, "text that is not UTF-8 was accepted");
  SN_CHECK(tokenizer.decode(ids, /*skip_special=*/false) == bytes, "decoding does not give the text back");
  StreamDecoder stream(tokenizer, /*skip_special=*/false);
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string piece = stream.push(id);
    SN_CHECK(valid_utf8_prefix(piece) == piece.size(), "a piece ends inside a character");
    streamed += piece;
  }
  SN_CHECK(streamed + stream.finish() == bytes, "streaming gives another text");
  tokenizer.encode(bytes);  // special tokens are found in it
}

}  // namespace starnest::fuzz
