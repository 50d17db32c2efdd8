#include "format/weights/safetensors_header.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

using nlohmann::json;

// What the parser may meet next. A value is accepted by one of these only, so a wrong type is caught where it stands.
enum class Expect {
  root,
  top_key,
  metadata,
  metadata_key,
  metadata_text,
  tensor,
  field_key,
  dtype,
  shape,
  extent,
  offsets,
  offset
};

const char* name_of(Expect expect) {
  switch (expect) {
    case Expect::root:
    case Expect::metadata:
    case Expect::tensor:
      return "an object";
    case Expect::metadata_text:
    case Expect::dtype:
      return "a string";
    case Expect::shape:
      return "an array of non-negative integers";
    case Expect::offsets:
      return "an array of two non-negative integers";
    case Expect::extent:
    case Expect::offset:
      return "a non-negative integer below 2^64";
    case Expect::top_key:
    case Expect::metadata_key:
    case Expect::field_key:
      break;
  }
  return "a key";
}

// Event by event, since a tree of a 100 MB header would take gigabytes.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(const std::filesystem::path& path, SafetensorsHeader& header) : path_(path), header_(header) {}

  bool null() override { wrong("null"); }
  bool boolean(bool value) override { wrong(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { wrong(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { wrong(text); }
  bool binary(binary_t&) override { wrong("binary data"); }
  bool number_unsigned(number_unsigned_t value) override;
  bool string(string_t& value) override;
  bool start_object(size_t) override;
  bool key(string_t& key) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    safetensors_error(path_, {}, "the header is not JSON from its byte " + std::to_string(position) + " on");
  }

 private:
  void top_key(std::string& key);
  void field_key(const std::string& key);
  TensorInfo& tensor() { return header_.tensors.back(); }
  std::string_view tensor_name() const { return in_tensor_ ? std::string_view(header_.tensors.back().name) : ""; }
  [[noreturn]] void wrong(std::string got) const {
    const std::string field = key_.empty() ? "the header" : in_quotes(key_);
    safetensors_error(path_, tensor_name(), field + " has a value of the wrong type", name_of(expect_), std::move(got));
  }

  const std::filesystem::path& path_;
  SafetensorsHeader& header_;
  Expect expect_ = Expect::root;
  std::string key_;  // the last key read
  bool in_tensor_ = false, has_metadata_ = false, has_dtype_ = false, has_shape_ = false;
  std::vector<uint64_t> offsets_;
  bool has_offsets_ = false;
};

bool HeaderReader::start_object(size_t) {
  switch (expect_) {
    case Expect::root:
      expect_ = Expect::top_key;
      return true;
    case Expect::metadata:
      expect_ = Expect::metadata_key;
      return true;
    case Expect::tensor:
      expect_ = Expect::field_key;
      has_dtype_ = has_shape_ = has_offsets_ = false;
      return true;
    default:
      wrong("an object");
  }
}

bool HeaderReader::key(string_t& key) {
  key_ = key;
  if (expect_ == Expect::top_key) {
    top_key(key);
  } else if (expect_ == Expect::metadata_key) {
    if (header_.metadata.contains(key)) safetensors_error(path_, {}, "the metadata names " + in_quotes(key) + " twice");
    expect_ = Expect::metadata_text;
  } else {
    field_key(key);
  }
  return true;
}

void HeaderReader::top_key(std::string& key) {
  if (key == "__metadata__") {
    if (std::exchange(has_metadata_, true)) safetensors_error(path_, {}, "the header has two '__metadata__'");
    expect_ = Expect::metadata;
    return;
  }
  if (header_.tensors.size() == kMaxSafetensorsTensors) {
    safetensors_error(path_, {}, "the header has too many tensors", "at most " + grouped(kMaxSafetensorsTensors));
  }
  header_.tensors.push_back({.name = std::move(key), .dtype = DType::f32, .shape = {}, .begin = 0, .end = 0});
  in_tensor_ = true;
  expect_ = Expect::tensor;
}

void HeaderReader::field_key(const std::string& key) {
  bool* seen = nullptr;
  if (key == "dtype") seen = &has_dtype_, expect_ = Expect::dtype;
  if (key == "shape") seen = &has_shape_, expect_ = Expect::shape;
  if (key == "data_offsets") seen = &has_offsets_, expect_ = Expect::offsets;
  if (!seen) safetensors_error(path_, tensor_name(), "unknown key", "dtype, shape and data_offsets", in_quotes(key));
  if (std::exchange(*seen, true))
    safetensors_error(path_, tensor_name(), "the key " + in_quotes(key) + " appears twice");
}

bool HeaderReader::string(string_t& value) {
  if (expect_ == Expect::metadata_text) {
    header_.metadata.emplace(key_, std::move(value));
    expect_ = Expect::metadata_key;
  } else if (expect_ == Expect::dtype) {
    const auto dtype = dtype_named(value);
    if (!dtype) {
      safetensors_error(path_, tensor_name(), "unknown dtype", "F32, BF16, F16, F8_E4M3, U8 or I64", in_quotes(value));
    }
    tensor().dtype = *dtype;
    expect_ = Expect::field_key;
  } else {
    wrong("a string");
  }
  return true;
}

bool HeaderReader::start_array(size_t) {
  if (expect_ == Expect::shape) {
    expect_ = Expect::extent;
  } else if (expect_ == Expect::offsets) {
    expect_ = Expect::offset;
    offsets_.clear();
  } else {
    wrong("an array");
  }
  return true;
}

bool HeaderReader::number_unsigned(number_unsigned_t value) {
  if (expect_ == Expect::extent) {
    tensor().shape.push_back(value);
  } else if (expect_ == Expect::offset) {
    offsets_.push_back(value);
    if (offsets_.size() > 2) safetensors_error(path_, tensor_name(), "'data_offsets' has more than two numbers");
  } else {
    wrong(std::to_string(value));
  }
  return true;
}

bool HeaderReader::end_array() {
  if (expect_ == Expect::offset) {
    if (offsets_.size() != 2) {
      safetensors_error(path_, tensor_name(), "wrong data_offsets", "two numbers", std::to_string(offsets_.size()));
    }
    tensor().begin = offsets_[0];
    tensor().end = offsets_[1];
  }
  expect_ = Expect::field_key;
  return true;
}

bool HeaderReader::end_object() {
  if (expect_ == Expect::field_key) {
    const char* missing = !has_dtype_ ? "dtype" : !has_shape_ ? "shape" : !has_offsets_ ? "data_offsets" : nullptr;
    if (missing) safetensors_error(path_, tensor_name(), "the key " + in_quotes(missing) + " is missing");
    in_tensor_ = false;
  }
  expect_ = Expect::top_key;
  key_.clear();
  return true;
}

}  // namespace

void safetensors_error(const std::filesystem::path& path, std::string_view tensor, std::string what,
                       std::string expected, std::string got) {
  std::string where = path.string();
  if (!tensor.empty()) where += ": tensor " + in_quotes(tensor);
  throw Error({.where = std::move(where),
               .what = std::move(what),
               .expected = std::move(expected),
               .got = std::move(got),
               .hint = "The file is damaged, incomplete or of another format; fetch or convert it again"});
}

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::filesystem::path& path) {
  // The JSON library takes a NUL for the end of its input: what follows one would go unread.
  if (const size_t nul = text.find('\0'); nul != text.npos) {
    safetensors_error(path, {}, "the header has a NUL at its byte " + std::to_string(nul));
  }
  if (!text.starts_with('{')) safetensors_error(path, {}, "the header does not begin with '{'");
  SafetensorsHeader header;
  HeaderReader reader(path, header);
  json::sax_parse(text.begin(), text.end(), &reader, json::input_format_t::json, /*strict=*/true);
  return header;
}

}  // namespace starnest
