// The model that ships with the tests, run by the program.
#pragma once

#include <string>
#include <vector>

#include "program.h"

namespace starnest {

inline const std::string kQuestion = "r:a5b+3c*7d-2?";
inline const std::string kThought = "a5;b+38;c*76;d-24;\n4\n";

inline Finished run(std::vector<std::string> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), {"run", "-m", kPocket});
  return starnest_program(arguments, input);
}

// The model with another generation_config.json.
inline void copy_pocket(const std::filesystem::path& to, const std::string& generation_config) {
  std::filesystem::copy(kPocket, to);
  put_file(to / "generation_config.json", generation_config);
}

}  // namespace starnest
