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
};

template <class Value>
inline constexpr bool is_list_of_numbers = false;
template <class Number>
inline constexpr bool is_list_of_numbers<std::vector<Number>> = std::is_arithmetic_v<Number>;

template <class Value>
inline constexpr bool is_map_of_numbers = false;
template <class Key, class Number>
inline constexpr bool is_map_of_numbers<std::map<Key, Number>> =
    std::is_integral_v<Key> && std::is_arithmetic_v<Number>;

// "12=-5,13=0.5": each key once more or anew. Also given several times.
template <class Map>
CLI::Option* add_map_option(CLI::App& app, const std::string& flag, Map& map, const std::string& help) {
  const auto parse = [&map, flag](const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      const size_t equals = entry.find('=');
      typename Map::key_type key{};
      typename Map::mapped_type number{};
      const bool good = equals != std::string::npos && CLI::detail::lexical_cast(entry.substr(0, equals), key) &&
                        CLI::detail::lexical_cast(entry.substr(equals + 1), number);
      if (!good) throw CLI::ValidationError(flag, "not of the form NUMBER=VALUE: '" + entry + "'");
      map[key] = number;
    }
  };
  return app.add_option_function<std::vector<std::string>>(flag, parse, help)
      ->type_name("ID=VALUE,...")
      ->delimiter(',')
      ->allow_extra_args(false);
}

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
    } else if constexpr (is_map_of_numbers<Value>) {
      add_map_option(app, flag, value, help);
    } else {
      CLI::Option* option = app.add_option(flag, value, help)->capture_default_str();
      if (is_list_of_numbers<Value>) option->delimiter(',');  // beside spaces
    }
  });
}

}  // namespace starnest
