#include "format/weights/gguf_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/checked.h"
#include "base/text.h"
#include "base/utf8.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr uint32_t kGgufVersion = 3;
constexpr uint64_t kGgufAlignment = 32;    // what readers assume when no key says otherwise
constexpr size_t kMostDimensions = 4;      // GGML_MAX_DIMS
constexpr size_t kLongestTensorName = 63;  // GGML_MAX_NAME, less the zero at its end

// The numbers that the format gives to the types of values.
enum class ValueType : uint32_t { u32 = 4, i32 = 5, f32 = 6, boolean = 7, string = 8, array = 9 };

uint64_t padding_after(uint64_t bytes) { return (kGgufAlignment - bytes % kGgufAlignment) % kGgufAlignment; }

[[noreturn]] void refuse(const std::filesystem::path& path, std::string what, std::string expected = {},
                         std::string got = {}) {
  throw Error(
      {.where = path.string(), .what = std::move(what), .expected = std::move(expected), .got = std::move(got)});
}

// What stands before the tensors.
class Header {
 public:
  explicit Header(const std::filesystem::path& path) : path_(path) {}

  void key(const GgufKey& key) {
    string(key.name);
    std::visit([this](const auto& value) { this->value(value); }, key.value);
  }
  void tensor(const GgufTensor& tensor, uint64_t offset) {
    string(tensor.name);
    integer(uint32_t(tensor.shape.size()));
    std::for_each(tensor.shape.rbegin(), tensor.shape.rend(), [this](uint64_t extent) { integer(extent); });
    integer(uint32_t(tensor.type));
    integer(offset);
  }
  template <class T>
  void integer(T number) {
    for (size_t i = 0; i < sizeof(T); ++i) text_ += char(uint64_t(number) >> (8 * i));
  }
  void raw(std::string_view text) { text_ += text; }
  const std::string& text() const { return text_; }

 private:
  void string(const std::string& text) {
    if (valid_utf8_prefix(text) != text.size()) refuse(path_, "a name or text of the metadata is not UTF-8");
    integer(uint64_t(text.size()));
    text_ += text;
  }
  void type(ValueType type) { integer(uint32_t(type)); }
  void value(uint32_t number) { type(ValueType::u32), integer(number); }
  void value(float number) { type(ValueType::f32), integer(std::bit_cast<uint32_t>(number)); }
  void value(bool flag) { type(ValueType::boolean), integer(uint8_t(flag)); }
  void value(const std::string& text) { type(ValueType::string), string(text); }
  void value(const std::vector<int32_t>& list) {
    array(ValueType::i32, list.size());
    for (const int32_t number : list) integer(uint32_t(number));
  }
  void value(const std::vector<bool>& list) {
    array(ValueType::boolean, list.size());
    for (const bool flag : list) integer(uint8_t(flag));
  }
  void value(const std::vector<std::string>& list) {
    array(ValueType::string, list.size());
    for (const std::string& text : list) string(text);
  }
  void array(ValueType of, size_t length) { type(ValueType::array), type(of), integer(uint64_t(length)); }

  const std::filesystem::path& path_;
  std::string text_;
};

void check_tensor(const GgufTensor& tensor, const std::filesystem::path& path) {
  if (tensor.name.size() > kLongestTensorName)
    refuse(path, "the tensor name " + in_quotes(tensor.name) + " is too long",
           "at most " + std::to_string(kLongestTensorName) + " bytes", std::to_string(tensor.name.size()));
  if (tensor.shape.empty() || tensor.shape.size() > kMostDimensions)
    refuse(path, "tensor " + in_quotes(tensor.name) + " has no shape that ggml knows",
           "1 to " + std::to_string(kMostDimensions) + " dimensions", std::to_string(tensor.shape.size()));
  const auto numbers = checked_product(tensor.shape);
  const auto bytes = numbers ? checked_mul(*numbers, block_of(tensor.type).bytes) : std::nullopt;
  if (!bytes || !checked_add(*bytes, kGgufAlignment))
    refuse(path, "tensor " + in_quotes(tensor.name) + " is too large");
  SN_CHECK(tensor.shape.back() % block_of(tensor.type).numbers == 0, "a row that is no multiple of its blocks");
}

template <class Named>
void check_names(std::span<const Named> list, const char* what, const std::filesystem::path& path) {
  std::set<std::string_view> names;
  for (const Named& named : list)
    if (!names.insert(named.name).second)
      refuse(path, std::string("two ") + what + " are named " + in_quotes(named.name));
}

}  // namespace

std::string_view name_of(GgmlType type) {
  switch (type) {
    case GgmlType::f32:
      return "F32";
    case GgmlType::f16:
      return "F16";
    case GgmlType::q8_0:
      return "Q8_0";
    case GgmlType::bf16:
      return "BF16";
    case GgmlType::nvfp4:
      return "NVFP4";
  }
  check_failed("type", "unknown type", __FILE__, __LINE__);
}

GgmlBlock block_of(GgmlType type) {
  switch (type) {
    case GgmlType::f32:
      return {1, 4};
    case GgmlType::f16:
    case GgmlType::bf16:
      return {1, 2};
    case GgmlType::q8_0:
      return {32, 34};
    case GgmlType::nvfp4:
      return {64, 36};
  }
  check_failed("type", "unknown type", __FILE__, __LINE__);
}

uint64_t GgufTensor::bytes() const {
  uint64_t bytes = block_of(type).bytes;
  for (size_t d = 0; d + 1 < shape.size(); ++d) bytes *= shape[d];
  return bytes * (shape.back() / block_of(type).numbers);
}

GgufWriter::GgufWriter(const std::filesystem::path& path, std::span<const GgufKey> keys,
                       std::vector<GgufTensor> tensors)
    : tensors_(std::move(tensors)), file_(path) {
  check_names(keys, "keys", path);
  check_names(std::span<const GgufTensor>(tensors_), "tensors", path);
  Header header(path);
  header.raw("GGUF");
  header.integer(kGgufVersion);
  header.integer(uint64_t(tensors_.size()));
  header.integer(uint64_t(keys.size()));
  for (const GgufKey& key : keys) header.key(key);
  uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors_) {
    check_tensor(tensor, path);
    header.tensor(tensor, offset);
    const auto end = checked_add(offset, tensor.bytes() + padding_after(tensor.bytes()));
    if (!end) refuse(path, "the tensors are too large for one file");
    offset = *end;
    bytes_ += tensor.bytes();
  }
  header.raw(std::string(padding_after(header.text().size()), '\0'));
  file_.write(header.text());
}

void GgufWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    SN_CHECK(tensor_ < tensors_.size(), "more bytes than the tensors have");
    const uint64_t left = tensors_[tensor_].bytes() - written_;
    const auto piece = bytes.first(std::min<uint64_t>(left, bytes.size()));
    file_.write(piece);
    written_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (piece.size() == left) pad();
  }
}

void GgufWriter::pad() {
  file_.write(std::string(padding_after(written_), '\0'));
  written_ = 0;
  ++tensor_;
}

void GgufWriter::commit() {
  SN_CHECK(tensor_ == tensors_.size(), "commit before all bytes were given");
  file_.commit();
}

}  // namespace starnest
