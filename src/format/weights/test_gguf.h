// For tests only: a GGUF file in memory.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/test_support.h"
#include "format/weights/gguf_writer.h"

namespace starnest {

struct GgufFile {
  struct Tensor {
    GgmlType type{};
    std::vector<uint64_t> shape;
    std::string bytes;
    bool operator==(const Tensor&) const = default;
  };
  std::map<std::string, GgufValue> keys;
  std::map<std::string, Tensor> tensors;

  explicit GgufFile(const std::filesystem::path& path) : data_(file_text(path)), at_(8) {
    const auto tensor_count = number<uint64_t>(), key_count = number<uint64_t>();
    for (uint64_t i = 0; i < key_count; ++i) {
      const std::string name = text();
      keys[name] = value();
    }
    std::map<std::string, uint64_t> offsets;
    for (uint64_t i = 0; i < tensor_count; ++i) {
      const std::string name = text();
      Tensor& tensor = tensors[name];
      tensor.shape.resize(number<uint32_t>());
      for (size_t d = tensor.shape.size(); d-- > 0;) tensor.shape[d] = number<uint64_t>();
      tensor.type = GgmlType(number<uint32_t>());
      offsets[name] = number<uint64_t>();
    }
    const size_t begin = (at_ + 31) / 32 * 32;
    for (auto& [name, tensor] : tensors)
      tensor.bytes = data_.substr(begin + offsets[name], GgufTensor{name, tensor.type, tensor.shape}.bytes());
  }

  std::vector<float> floats(const std::string& name) const {
    const Tensor& tensor = tensors.at(name);
    std::vector<float> numbers(tensor.bytes.size() / 4);
    std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
    return numbers;
  }
  template <class T>
  T key(const std::string& name) const {
    return std::get<T>(keys.at(name));
  }

 private:
  template <class T>
  T number() {
    T number{};
    std::memcpy(&number, data_.data() + at_, sizeof number);
    at_ += sizeof number;
    return number;
  }
  std::string text() {
    const auto length = number<uint64_t>();
    at_ += length;
    return data_.substr(at_ - length, length);
  }
  GgufValue value() {
    switch (number<uint32_t>()) {
      case 4:
        return number<uint32_t>();
      case 6:
        return number<float>();
      case 7:
        return number<uint8_t>() != 0;
      case 8:
        return text();
      default:
        return list();
    }
  }
  GgufValue list() {
    const auto type = number<uint32_t>();
    const auto length = size_t(number<uint64_t>());
    if (type == 8) {
      std::vector<std::string> words(length);
      for (std::string& word : words) word = text();
      return words;
    }
    if (type == 7) {
      std::vector<bool> flags;
      while (flags.size() < length) flags.push_back(number<uint8_t>() != 0);
      return flags;
    }
    std::vector<int32_t> numbers(length);
    for (int32_t& element : numbers) element = number<int32_t>();
    return numbers;
  }

  std::string data_;
  size_t at_;
};

}  // namespace starnest
