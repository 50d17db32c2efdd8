// Command line options from a settings struct: its `fields` list gives name, member and help.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

namespace starnest {

struct FieldStyle {
  std::string prefix = {};                             // "mix-" makes --mix-terse of the field terse
  std::map<std::string, std::string> shorthands = {};  // field -> short form that people already type, e.g. "-n"
  std::map<std::string, std::string> former = {};      // field -> an earlier name, which still works and is not shown
};

template <class Value>
inline constexpr bool is_list_of_numbers = false;
template <class Number>
inline constexpr bool is_list_of_numbers<std::vector<Number>> = std::is_arithmetic_v<Number>;

// "--weight-decay" for the field weight_decay; a bool becomes a flag. The struct's default shows in the help.
// `settings` must outlive `app`.
template <class Settings>
void add_fields(CLI::App& app, Settings& settings, const FieldStyle& style = {}) {
  Settings::fields([&](const char* name, auto member, const char* help) {
    std::string flag = "--" + style.prefix + name;
    for (char& c : flag)
      if (c == '_') c = '-';
    if (const auto found = style.shorthands.find(name); found != style.shorthands.end())
      flag = found->second + "," + flag;
    auto& value = settings.*member;
    using Value = std::remove_reference_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, bool>) {
      app.add_flag(flag, value, help);
      return;
    }
    CLI::Option* option = app.add_option(flag, value, help)->capture_default_str();
    if (is_list_of_numbers<Value>) option->delimiter(',');  // beside spaces
    if (const auto found = style.former.find(name); found != style.former.end())
      app.add_option("--" + style.prefix + found->second, value)->group("")->excludes(option);
  });
}

}  // namespace starnest
