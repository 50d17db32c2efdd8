#include "format/weights/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/checked.h"
#include "base/text.h"
#include "format/weights/safetensors.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Place in the file: the Rust serializer sorts by its Dtype enum, highest first, of which these are the six we know.
int rank_of(DType dtype) {
  switch (dtype) {
    case DType::i64:
      return 0;
    case DType::f32:
      return 1;
    case DType::bf16:
      return 2;
    case DType::f16:
      return 3;
    case DType::f8_e4m3:
      return 4;
    case DType::u8:
      return 5;
  }
  check_failed("dtype", "unknown dtype", __FILE__, __LINE__);
}

[[noreturn]] void fail(const std::filesystem::path& path, std::string what, std::string expected = {},
                       std::string got = {}) {
  throw Error(
      {.where = path.string(), .what = std::move(what), .expected = std::move(expected), .got = std::move(got)});
}

std::string json_text(const std::string& text, const std::filesystem::path& path) {
  if (valid_utf8_prefix(text) != text.size()) fail(path, "a tensor name or metadata text is not UTF-8");
  return nlohmann::json(text).dump();
}

std::vector<TensorHeader> sorted(std::vector<TensorHeader> tensors, const std::filesystem::path& path) {
  if (tensors.size() > kMaxSafetensorsTensors) {
    fail(path, "too many tensors", "at most " + grouped(kMaxSafetensorsTensors), grouped(tensors.size()));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorHeader& a, const TensorHeader& b) { return a.name < b.name; });
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == "__metadata__") fail(path, "a tensor cannot be named '__metadata__'");
    if (i && tensors[i].name == tensors[i - 1].name) fail(path, "two tensors are named " + in_quotes(tensors[i].name));
  }
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const TensorHeader& a, const TensorHeader& b) { return rank_of(a.dtype) < rank_of(b.dtype); });
  return tensors;
}

uint64_t end_of(const TensorHeader& tensor, uint64_t begin, const std::filesystem::path& path) {
  const auto elements = checked_product(tensor.shape);
  const auto bytes = elements ? checked_mul(*elements, size_of(tensor.dtype)) : std::nullopt;
  const auto end = bytes ? checked_add(begin, *bytes) : std::nullopt;
  if (!end) fail(path, "tensor " + in_quotes(tensor.name) + " is too large");
  return *end;
}

std::string metadata_json(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path) {
  std::string text = "\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (text.back() != '{') text += ',';
    text += json_text(key, path) + ":" + json_text(value, path);
  }
  return text + "}";
}

std::string tensor_json(const TensorHeader& tensor, uint64_t begin, uint64_t end, const std::filesystem::path& path) {
  std::vector<std::string> shape;
  for (const uint64_t extent : tensor.shape) shape.push_back(std::to_string(extent));
  return json_text(tensor.name, path) + ":{\"dtype\":\"" + std::string(name_of(tensor.dtype)) + "\",\"shape\":[" +
         join(shape, ",") + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorHeader> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : tensors_(sorted(std::move(tensors), path)), file_(path) {
  std::string header = "{";
  if (!metadata.empty()) header += metadata_json(metadata, path);
  for (const TensorHeader& tensor : tensors_) {
    const uint64_t end = end_of(tensor, data_bytes_, path);
    if (header.size() > 1) header += ',';
    header += tensor_json(tensor, data_bytes_, end, path);
    places_[tensor.name] = {data_bytes_, end};
    data_bytes_ = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > kMaxSafetensorsHeader) {
    fail(path, "the header is too long", "at most " + grouped(kMaxSafetensorsHeader) + " bytes",
         grouped(header.size()));
  }
  for (auto& [name, place] : places_) place.begin += 8 + header.size(), place.end += 8 + header.size();
  std::array<std::byte, 8> length;
  for (size_t i = 0; i < 8; ++i) length[i] = std::byte(uint64_t(header.size()) >> (8 * i));
  file_.write(length);
  file_.write(header);
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  SN_CHECK(bytes.size() <= data_bytes_ - written_, "more bytes than the tensors have");
  file_.write(bytes);
  written_ += bytes.size();
}

void SafetensorsWriter::put(std::string_view tensor, uint64_t offset, std::span<const std::byte> bytes) {
  const auto place = places_.find(tensor);
  SN_CHECK(place != places_.end(), "bytes of a tensor that the file does not have");
  const auto [begin, end] = place->second;
  SN_CHECK(offset <= end - begin && bytes.size() <= end - begin - offset, "more bytes than the tensor has");
  file_.write_at(begin + offset, bytes);
  written_ += bytes.size();
}

void SafetensorsWriter::commit() {
  SN_CHECK(written_ == data_bytes_, "commit before all bytes were given");
  file_.commit();
}

}  // namespace starnest
