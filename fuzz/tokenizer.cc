#include "format/text/tokenizer.h"

#include "base/check.h"
#include "target.h"

namespace starnest::fuzz {

void tokenizer(std::string_view bytes) {
  const Tokenizer tokenizer = Tokenizer::parse(bytes, "fuzz");
  for (const std::string_view text : {"", "Hello, world 123\n", "<s>\xc3\xa9\xe2\x82\xac  a'll</s>"}) {
    const auto once = [&](const Tokenizer::EncodeOptions& options) {
      run(
          [&](std::string_view input) {
            for (const TokenId id : tokenizer.encode(input, options))
              SN_CHECK(id >= 0 && size_t(id) < tokenizer.size(), "an id outside the vocabulary");
          },
          text);
    };
    once({});
    once({.add_special_tokens = false, .parse_special_tokens = false});
  }
}

}  // namespace starnest::fuzz
