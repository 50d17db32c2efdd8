#include "format/weights/safetensors.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/check.h"
#include "base/checked.h"
#include "base/text.h"
#include "format/weights/safetensors_header.h"

namespace starnest {
namespace {

// The JSON part of the file, its length checked against the file's.
std::string_view header_text(std::span<const std::byte> file, const std::filesystem::path& path) {
  if (file.size() < 8) {
    safetensors_error(path, {}, "too short for a header length", "at least 8 bytes", std::to_string(file.size()));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= std::to_integer<uint64_t>(file[i]) << (8 * i);
  if (length > kMaxSafetensorsHeader) {
    safetensors_error(path, {}, "the header is too long", "at most " + grouped(kMaxSafetensorsHeader) + " bytes",
                      grouped(length));
  }
  if (length > file.size() - 8) {
    safetensors_error(path, {}, "the file ends inside its header", grouped(length) + " bytes of header",
                      grouped(file.size() - 8));
  }
  return {reinterpret_cast<const char*>(file.data() + 8), size_t(length)};
}

void check_size(const TensorInfo& tensor, const std::filesystem::path& path) {
  const auto elements = checked_product(tensor.shape);
  const auto bytes = elements ? checked_mul(*elements, size_of(tensor.dtype)) : std::nullopt;
  const std::string type = std::string(name_of(tensor.dtype)) + " " + shape_text(tensor.shape);
  if (!bytes) safetensors_error(path, tensor.name, "its shape overflows 64 bits", {}, type);
  if (tensor.end - tensor.begin != *bytes) {
    safetensors_error(path, tensor.name, "wrong number of bytes", grouped(*bytes) + " for " + type,
                      grouped(tensor.end - tensor.begin));
  }
}

// `tensors` in offset order must fill the data section exactly.
void check_layout(std::span<const TensorInfo> tensors, uint64_t data_bytes, const std::filesystem::path& path) {
  uint64_t next = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.end < tensor.begin) safetensors_error(path, tensor.name, "its data_offsets run backwards");
    if (tensor.end > data_bytes) {
      safetensors_error(path, tensor.name, "its bytes lie outside the file", "an end within " + grouped(data_bytes),
                        grouped(tensor.end));
    }
    if (tensor.begin != next) {
      safetensors_error(path, tensor.name, tensor.begin < next ? "overlaps the tensor before it" : "follows a gap",
                        "a begin of " + grouped(next), grouped(tensor.begin));
    }
    check_size(tensor, path);
    next = tensor.end;
  }
  if (next != data_bytes) {
    safetensors_error(path, {}, "the tensors do not cover the data section", grouped(next) + " bytes",
                      grouped(data_bytes));
  }
}

std::vector<uint32_t> order_by_name(std::span<const TensorInfo> tensors, const std::filesystem::path& path) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < order.size(); ++i) {
    const std::string& name = tensors[order[i]].name;
    if (name == tensors[order[i - 1]].name) safetensors_error(path, name, "appears twice in the header");
  }
  return order;
}

}  // namespace

SafetensorsLayout parse_safetensors(std::span<const std::byte> file, const std::filesystem::path& path) {
  const std::string_view json = header_text(file, path);
  SafetensorsHeader header = parse_safetensors_header(json, path);
  SafetensorsLayout layout{std::move(header.tensors), {}, std::move(header.metadata), 8 + json.size()};
  // Tensors without bytes may share an offset with the one that follows, hence the end in the key.
  std::stable_sort(layout.tensors.begin(), layout.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  layout.by_name = order_by_name(layout.tensors, path);
  check_layout(layout.tensors, file.size() - layout.data_begin, path);
  return layout;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), layout_(parse_safetensors(file_.bytes(), path)) {}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const std::vector<TensorInfo>& tensors = layout_.tensors;
  const auto at =
      std::lower_bound(layout_.by_name.begin(), layout_.by_name.end(), name,
                       [&](uint32_t index, std::string_view wanted) { return tensors[index].name < wanted; });
  return at != layout_.by_name.end() && tensors[*at].name == name ? &tensors[*at] : nullptr;
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorInfo& tensor) const {
  return file_.bytes().subspan(layout_.data_begin + tensor.begin, tensor.end - tensor.begin);
}

void SafetensorsFile::read_at(const TensorInfo& tensor, uint64_t offset, std::span<std::byte> out) const {
  const uint64_t length = tensor.end - tensor.begin;
  SN_CHECK(offset <= length && out.size() <= length - offset, "range outside the tensor");
  file_.read_at(layout_.data_begin + tensor.begin + offset, out);
}

}  // namespace starnest
