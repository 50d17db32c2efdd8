// The sizes of a family.
//
// A size is one number, from 1 (the smallest) up: the number of shells that it uses. Whatever there is one of per size
// stands in this order and is reached by this number. Names, and the order largest first, exist only where people and
// files meet the program: elastic.json, command lines, reports.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "nest/widths.h"

namespace starnest {

// One value per size. There is no order of iteration by default: ascending() says it.
template <class T>
class PerSize {
 public:
  PerSize() = default;
  explicit PerSize(std::vector<T> ascending) : values_(std::move(ascending)) {}

  size_t largest() const { return values_.size(); }  // 0: there is none
  const T& at(size_t size) const {
    SN_CHECK(size >= 1 && size <= largest(), "there is no such size");
    return values_[size - 1];
  }
  T& at(size_t size) { return const_cast<T&>(std::as_const(*this).at(size)); }
  void add(T value) { values_.push_back(std::move(value)); }  // of the next larger size

  std::span<const T> ascending() const& { return values_; }
  std::span<const T> up_to(size_t size) const& { return ascending().first(size); }
  void ascending() && = delete;  // a loop over them would outlive them
  void up_to(size_t) && = delete;

  bool operator==(const PerSize&) const = default;

 private:
  std::vector<T> values_;
};

struct Size {
  std::string name;
  Widths widths;
  bool operator==(const Size&) const = default;
};

// Each size contains all before it.
class Sizes : public PerSize<Size> {
 public:
  using PerSize::PerSize;

  std::optional<size_t> named(std::string_view name) const;
  std::vector<Size> largest_first() const;  // to be shown
  std::vector<std::string> names() const;   // largest first
};

}  // namespace starnest
