// Arithmetic modulo M as several tasks do it. Multipliers are units of M and no operand is its operation's neutral
// element, so every operation is a bijection and changes something.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "tasks/body_reader.h"

namespace starnest::tasks {

struct Operation {
  char sign;  // + - *
  int operand;
};

class Modular {
 public:
  explicit Modular(int modulus);

  int modulus() const { return modulus_; }
  size_t digits() const { return digits_; }  // of every number, with leading zeros
  std::string shown(int value) const { return number(value, digits_); }
  std::string shown(Operation operation) const { return operation.sign + shown(operation.operand); }

  Operation draw(Rng& rng) const;
  int apply(int value, Operation operation) const;

  int take_value(BodyReader& body) const;
  Operation take_operation(BodyReader& body) const;

 private:
  int modulus_;
  size_t digits_;
  std::vector<int> multipliers_;
};

}  // namespace starnest::tasks
