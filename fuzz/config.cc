#include "arch/cost.h"
#include "arch/registry.h"
#include "arch/tensors.h"
#include "target.h"

namespace starnest::fuzz {

void config(std::string_view bytes) {
  const HfConfig config = HfConfig::parse(bytes, "fuzz");
  const Architecture& architecture = architecture_of(config);
  const ModelSpec spec = architecture.read(config);
  const Widths full = full_widths(spec);
  size_t tensors = spec.blocks.size();
  for (const BlockWidths& block : full.blocks) tensors += size_t(block[Axis::experts]);
  if (tensors > 10'000) return;  // valid, and slow to list
  cost_of(spec, full, Encoding::nvfp4);
  HfConfig rewritten = config;
  architecture.write_widths(rewritten, spec, full, PerBlockWidths::allow);
  architecture.read(HfConfig::parse(rewritten.text(), "rewritten"));
}

}  // namespace starnest::fuzz
