// What can be done with a settings struct and its `fields` list besides reading it from flags.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "base/text.h"

namespace starnest::train {

inline std::string setting_text(const std::string& value) { return value; }
inline std::string setting_text(const std::vector<std::string>& values) { return join(values, " "); }
inline std::string setting_text(bool value) { return value ? "true" : "false"; }
template <class Number>
  requires std::is_arithmetic_v<Number>
std::string setting_text(Number value) {
  return std::is_integral_v<Number> ? std::to_string(value) : format_number("%.10g", double(value));
}

template <class Number>
std::string setting_text(const std::vector<Number>& values) {
  std::vector<std::string> texts;
  for (const Number value : values) texts.push_back(setting_text(value));
  return join(texts, " ");
}

// "name = value" per line, each name after `prefix`. Equal texts mean equal settings.
template <class Settings>
std::string settings_text(const Settings& settings, const std::string& prefix = "") {
  std::string text;
  Settings::fields([&](const char* name, auto member, const char*) {
    text += prefix + name + " = " + setting_text(settings.*member) + "\n";
  });
  return text;
}

// The name of the first setting that is not its default, after `prefix`, or nothing.
template <class Settings>
std::string first_that_is_set(const Settings& settings, const std::string& prefix = "") {
  const Settings unset;
  std::string found;
  Settings::fields([&](const char* name, auto member, const char*) {
    if (found.empty() && setting_text(settings.*member) != setting_text(unset.*member)) found = prefix + name;
  });
  return found;
}

}  // namespace starnest::train
