#include "tasks/modular.h"

#include <numeric>

namespace starnest::tasks {

Modular::Modular(int modulus) : modulus_(modulus), digits_(std::to_string(modulus - 1).size()) {
  for (int unit = 2; unit < modulus; ++unit)
    if (std::gcd(unit, modulus) == 1) multipliers_.push_back(unit);
}

Operation Modular::draw(Rng& rng) const {
  const char sign = "+-*"[rng.below(3)];
  return {sign, sign == '*' ? multipliers_[rng.below(multipliers_.size())] : rng.between(1, modulus_ - 1)};
}

int Modular::apply(int value, Operation operation) const {
  switch (operation.sign) {
    case '+':
      return (value + operation.operand) % modulus_;
    case '-':
      return (value - operation.operand + modulus_) % modulus_;
    default:
      return value * operation.operand % modulus_;
  }
}

int Modular::take_value(BodyReader& body) const {
  const size_t start = body.offset();
  const int value = body.take_number(digits_);
  if (value >= modulus_) body.malformed(start, "a number below the modulus");
  return value;
}

Operation Modular::take_operation(BodyReader& body) const {
  const char sign = body.take("+-*");
  const size_t start = body.offset();
  const int operand = take_value(body);
  if (sign == '*' && std::gcd(operand, modulus_) != 1) body.malformed(start, "a unit of the modulus");
  return {sign, operand};
}

}  // namespace starnest::tasks
