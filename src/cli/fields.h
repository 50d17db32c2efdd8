// Command line options from a settings struct: its `fields` list gives name, member and help.
#pragma once

#include <string>
#include <type_traits>

#include <CLI/CLI.hpp>

namespace starnest::cli {

// `--name` sets the field; the struct's default is shown in the help. `settings` must outlive `app`.
template <class Settings>
void add_fields(CLI::App& app, Settings& settings) {
  Settings::fields([&](const char* name, auto member, const char* help) {
    // Short forms that people already type.
    const std::string text = name;
    const std::string shorthand = text == "max-tokens" ? "-n," : text == "seed" ? "-s," : "";
    app.add_option(shorthand + "--" + text, settings.*member, help)->capture_default_str();
  });
}

}  // namespace starnest::cli
