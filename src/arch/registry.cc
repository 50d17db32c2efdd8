#include "arch/registry.h"

#include <algorithm>
#include <array>
#include <vector>

#include "arch/nemotron_h/nemotron_h.h"
#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::array kArchitectures{
    Architecture{nemotron_h::kModelType, nemotron_h::read, nemotron_h::write_widths, nemotron_h::tensors_in,
                 nemotron_h::tensors, nemotron_h::gguf_keys, nemotron_h::gguf_place},
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

const Architecture& architecture_of(const ModelSpec& spec) {
  const auto found = std::find_if(kArchitectures.begin(), kArchitectures.end(), [&](const Architecture& architecture) {
    return architecture.model_type == spec.architecture;
  });
  SN_CHECK(found != kArchitectures.end(), "a spec of no known architecture");
  return *found;
}

std::vector<TensorSpec> tensors_of(const ModelSpec& spec, const HasTensor& has) {
  return architecture_of(spec).tensors_in(spec, has);
}

std::vector<TensorSpec> tensors_of(const ModelSpec& spec, Experts experts) {
  return architecture_of(spec).tensors(spec, experts);
}

}  // namespace starnest
