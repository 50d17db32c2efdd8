#include "base/check.h"
#include "format/text/token_shards.h"
#include "target.h"

namespace starnest::fuzz {

void token_index(std::string_view bytes) {
  constexpr uint64_t kBinBytes = 4096;
  const TokenShardIndex index =
      parse_token_index(std::as_bytes(std::span(bytes.data(), bytes.size())), kBinBytes, "fuzz");
  for (size_t i = 0; i < index.lengths.size(); ++i)
    SN_CHECK(index.offsets[i] >= 0 && uint64_t(index.offsets[i] + index.lengths[i]) <= kBinBytes,
             "a sequence reaches past the file");
}

}  // namespace starnest::fuzz
