#include "arch/registry.h"

#include <array>
#include <vector>

#include "arch/nemotron_h.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::array kArchitectures{
    Architecture{"nemotron_h", read_nemotron_h, write_nemotron_h_widths},
};

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture& architecture_of(const HfConfig& config) {
  const std::string type = config.require_string({"model_type"});
  std::vector<std::string> known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type == type) return architecture;
    known.emplace_back(architecture.model_type);
  }
  throw Error({.where = config.where(),
               .what = "architecture " + in_quotes(type) + " is not supported",
               .hint = suggest(type, known)});
}

}  // namespace starnest
