#include "format/text/token_shards.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kMagic{"MMIDIDX\0\0", 9};
constexpr int kI32 = 4, kU16 = 8;
constexpr size_t kLargestU16Vocabulary = 65'500;

// Bytes of an id by its type's code; 0 for types that hold no ids.
size_t bytes_of(int type) {
  constexpr size_t kBytes[] = {0, 1, 1, 2, 4, 8, 0, 0, 2};
  return type >= 0 && size_t(type) < std::size(kBytes) ? kBytes[type] : 0;
}

std::filesystem::path with_suffix(const std::filesystem::path& prefix, const char* suffix) {
  return prefix.string() + suffix;
}

// Takes values from the front of the index.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  template <class T>
  T take() {
    T value;
    std::memcpy(&value, taken(sizeof(T)).data(), sizeof(T));
    return value;
  }
  template <class T>
  std::vector<T> take_all(uint64_t count) {
    if (count > bytes_.size() / sizeof(T)) too_short();
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), taken(count * sizeof(T)).data(), count * sizeof(T));
    return values;
  }
  std::span<const std::byte> taken(size_t count) {
    if (count > bytes_.size()) too_short();
    const auto front = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return front;
  }

 private:
  [[noreturn]] void too_short() const { throw Error(where_, "ends in the middle of the index"); }

  std::span<const std::byte> bytes_;
  const std::string& where_;
};

template <class T>
void convert(const std::byte* from, std::span<TokenId> out, const std::string& where) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    if (!std::in_range<TokenId>(value) || value < T{0})
      throw Error({.where = where, .what = "holds a number that is no token id", .got = std::to_string(value)});
    out[i] = TokenId(std::make_unsigned_t<T>(value));
  }
}

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace

bool is_token_shard(const std::filesystem::path& prefix) {
  return std::filesystem::is_regular_file(with_suffix(prefix, ".idx"));
}

TokenShardIndex parse_token_index(std::span<const std::byte> bytes, uint64_t bin_bytes, const std::string& where) {
  Cursor cursor(bytes, where);
  if (bytes.size() < kMagic.size() ||
      std::memcmp(cursor.taken(kMagic.size()).data(), kMagic.data(), kMagic.size()) != 0)
    throw Error(
        {.where = where, .what = "is not an index of token ids", .expected = "a file that begins with MMIDIDX"});
  if (const auto version = cursor.take<uint64_t>(); version != 1)
    throw Error({.where = where, .what = "has another version", .expected = "1", .got = std::to_string(version)});
  TokenShardIndex index;
  index.type = cursor.take<uint8_t>();
  const size_t width = bytes_of(index.type);
  if (width == 0)
    throw Error({.where = where,
                 .what = "has a type that holds no ids",
                 .expected = "1, 2, 3, 4, 5 or 8",
                 .got = std::to_string(index.type)});
  const auto sequences = cursor.take<uint64_t>(), documents = cursor.take<uint64_t>();
  index.lengths = cursor.take_all<int32_t>(sequences);
  index.offsets = cursor.take_all<int64_t>(sequences);
  cursor.take_all<int64_t>(documents);
  for (size_t i = 0; i < index.lengths.size(); ++i) {
    const int64_t length = index.lengths[i], offset = index.offsets[i];
    const bool inside = length >= 0 && offset >= 0 && uint64_t(offset) <= bin_bytes &&
                        uint64_t(length) <= (bin_bytes - uint64_t(offset)) / width;
    if (inside) continue;
    throw Error(
        {.where = where,
         .what = "has a sequence outside the file of ids: number " + grouped(i),
         .expected = "within " + grouped(bin_bytes) + " bytes",
         .got = std::to_string(length) + " ids of " + std::to_string(width) + " bytes at " + std::to_string(offset)});
  }
  return index;
}

TokenShard::TokenShard(const std::filesystem::path& prefix) : bin_(with_suffix(prefix, ".bin")) {
  const MappedFile idx(with_suffix(prefix, ".idx"));
  index_ = parse_token_index(idx.bytes(), bin_.bytes().size(), idx.path().string());
}

uint64_t TokenShard::tokens() const {
  return std::accumulate(index_.lengths.begin(), index_.lengths.end(), uint64_t{0});
}

void TokenShard::read(size_t sequence, size_t first, std::span<TokenId> out) const {
  SN_CHECK(sequence < sequences() && first + out.size() <= length(sequence), "ids outside the sequence");
  const size_t width = bytes_of(index_.type);
  const std::byte* from = bin_.bytes().data() + size_t(index_.offsets[sequence]) + first * width;
  const std::string where = bin_.path().string() + ", sequence " + std::to_string(sequence);
  switch (index_.type) {
    case 1:
      return convert<uint8_t>(from, out, where);
    case 2:
      return convert<int8_t>(from, out, where);
    case 3:
      return convert<int16_t>(from, out, where);
    case kI32:
      return convert<int32_t>(from, out, where);
    case 5:
      return convert<int64_t>(from, out, where);
    default:
      return convert<uint16_t>(from, out, where);
  }
}

TokenShardWriter::TokenShardWriter(const std::filesystem::path& prefix, size_t vocabulary)
    : folder_(prefix.parent_path()),
      lock_(with_suffix(prefix, ".lock"), in_quotes(prefix.filename().string() + ".bin")),
      bin_(with_suffix(prefix, ".bin")),
      idx_(with_suffix(prefix, ".idx")),
      wide_(vocabulary >= kLargestU16Vocabulary) {}

void TokenShardWriter::add(std::span<const TokenId> document) {
  if (document.size() > size_t(std::numeric_limits<int32_t>::max()))
    throw Error({.where = bin_.path().string() + ", document " + grouped(lengths_.size() + 1),
                 .what = "is too long",
                 .expected = "fewer than 2^31 tokens",
                 .got = grouped(document.size())});
  pending_.clear();
  for (const TokenId id : document) {
    SN_CHECK(id >= 0 && (wide_ || id < int(kLargestU16Vocabulary)), "an id outside the vocabulary");
    wide_ ? append(pending_, id) : append(pending_, uint16_t(id));
  }
  bin_.write(pending_);
  lengths_.push_back(int32_t(document.size()));
}

void TokenShardWriter::commit() {
  const uint64_t n = lengths_.size();
  std::string bytes(kMagic);
  append(bytes, uint64_t{1});
  append(bytes, uint8_t(wide_ ? kI32 : kU16));
  append(bytes, n);
  append(bytes, n + 1);
  for (const int32_t length : lengths_) append(bytes, length);
  int64_t offset = 0;
  for (const int32_t length : lengths_) {
    append(bytes, offset);
    offset += int64_t{length} * (wide_ ? 4 : 2);
  }
  for (uint64_t document = 0; document <= n; ++document) append(bytes, int64_t(document));
  idx_.write(bytes);
  bin_.commit();
  idx_.commit();
  folder_.keep();
}

}  // namespace starnest
