#include "arch/cost.h"
#include "arch/family_spec.h"
#include "base/check.h"
#include "format/json/elastic_json.h"
#include "target.h"

namespace starnest::fuzz {
namespace {

// One block of every kind.
ModelSpec small_model() {
  ModelSpec spec;
  spec.architecture = "nemotron_h";
  spec.hidden = 64;
  spec.vocab = 32;
  spec.blocks = {Mamba2Spec{.heads = 8, .head_dim = 16, .groups = 2, .state = 16, .conv_width = 4},
                 AttentionSpec{.query_heads = 4, .kv_heads = 2, .head_dim = 16, .scale = 0.25f},
                 MoeSpec{.experts = 8, .experts_per_token = 2, .ffn = 32, .shared_ffn = 64}, MlpSpec{.ffn = 96},
                 Mamba2Spec{.heads = 8, .head_dim = 16, .groups = 2, .state = 16, .conv_width = 4}};
  return spec;
}

}  // namespace

void elastic(std::string_view bytes) {
  static const ModelSpec spec = small_model();
  const ElasticFile file = parse_elastic(bytes, "fuzz");
  const Sizes sizes = sizes_of(spec, file);
  const Cost full = cost_of(spec, full_widths(spec), Encoding::bf16);
  for (size_t size = 1; size <= sizes.largest(); ++size) {
    const Widths& widths = sizes.at(size).widths;
    SN_CHECK(size == 1 || contains(widths, sizes.at(size - 1).widths), "sizes are not nested");
    SN_CHECK(cost_of(spec, widths, Encoding::bf16).parameters <= full.parameters, "larger than the full");
  }
  parse_elastic(write_elastic(file), "written");
}

}  // namespace starnest::fuzz
