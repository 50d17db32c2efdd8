// What a fuzz target is: a function that takes any bytes. Bad input may end in starnest::Error, in nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "starnest/error.h"

namespace starnest::fuzz {

void safetensors(std::string_view bytes);
void elastic(std::string_view bytes);
void config(std::string_view bytes);
void tokenizer(std::string_view bytes);
void prompt(std::string_view bytes);
void token_index(std::string_view bytes);
void csv(std::string_view bytes);
void quant_config(std::string_view bytes);

// Calls target; an Error is what bad input deserves.
template <class Target>
void run(const Target& target, std::string_view bytes) {
  try {
    target(bytes);
  } catch (const Error&) {
  }
}

}  // namespace starnest::fuzz
