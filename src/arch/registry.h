// The architectures that starnest knows. Adding one whose blocks exist: one file beside this one, one line in
// registry.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "arch/model_spec.h"
#include "format/json/hf_config.h"

namespace starnest {

// Whether a config may say a width block by block. No other program reads such a config.
enum class PerBlockWidths { refuse, allow };

struct Architecture {
  std::string_view model_type;
  // Reads the dimensions; throws Error for a key that is missing and for a value that has no implementation.
  ModelSpec (*read)(const HfConfig& config);
  // Rewrites the widths in `config` so that it describes the slice. Throws Error when a width differs between blocks
  // and that is not allowed.
  void (*write_widths)(HfConfig& config, const ModelSpec& spec, const Widths& widths, PerBlockWidths per_block);
};

std::span<const Architecture> architectures();
const Architecture& architecture_of(const HfConfig& config);  // by "model_type"; Error names the known ones

}  // namespace starnest
