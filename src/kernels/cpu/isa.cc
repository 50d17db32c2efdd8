#include "kernels/cpu/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/text.h"
#include "kernels/cpu/targets.h"
// After targets.h:
#include "hwy/targets.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr Isa kAll[] = {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512bf16};

bool machine_has(Isa isa) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512cd");
  switch (isa) {
    case Isa::portable:
      return true;
    case Isa::avx2:
      return avx2;
    case Isa::avx512:
      return avx512;
    case Isa::avx512bf16:
      return avx512 && __builtin_cpu_supports("avx512bf16");
  }
#endif
  return isa == Isa::portable;
}

// Highway's targets that an instruction set allows. Its bits fall as targets rise.
int64_t highway_targets(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::portable:
      return ~int64_t{HWY_AVX2 | (HWY_AVX2 - 1)};
    case Isa::avx2:
      return ~int64_t{HWY_AVX3 | (HWY_AVX3 - 1)};
    default:
      break;
  }
#endif
  (void)isa;
  return ~int64_t{0};
}

std::optional<Isa> named(std::string_view name) {
  for (const Isa isa : available_isas())
    if (name_of(isa) == name) return isa;
  return std::nullopt;
}

struct Choice {
  std::atomic<Isa> isa;
  std::string refused;  // a name in the environment that cannot be had

  Choice() {
    Isa chosen = available_isas().back();
    if (const char* name = std::getenv("STARNEST_ISA"); name && *name) {
      if (const auto asked = named(name))
        chosen = *asked;
      else
        refused = name;
    }
    set(chosen);
  }
  void set(Isa chosen) {
    isa.store(chosen, std::memory_order_relaxed);
    hwy::SetSupportedTargetsForTest(0);
    const int64_t machine = hwy::SupportedTargets();
    hwy::SetSupportedTargetsForTest(machine & highway_targets(chosen));
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

Choice& choice() {
  static Choice instance;
  return instance;
}

// Before main, so that Highway's kernels follow whoever calls first.
[[maybe_unused]] const Choice& at_start = choice();

}  // namespace

std::string_view name_of(Isa isa) {
  constexpr std::string_view kNames[] = {"portable", "avx2", "avx512", "avx512bf16"};
  return kNames[size_t(isa)];
}

std::span<const Isa> known_isas() { return kAll; }

std::vector<Isa> available_isas() {
  std::vector<Isa> out;
  std::copy_if(std::begin(kAll), std::end(kAll), std::back_inserter(out), machine_has);
  return out;
}

Isa isa() {
  const Choice& chosen = choice();
  if (chosen.refused.empty()) return chosen.isa.load(std::memory_order_relaxed);
  std::vector<std::string> names;
  for (const Isa available : available_isas()) names.emplace_back(name_of(available));
  throw Error({.where = "STARNEST_ISA",
               .what = in_quotes(chosen.refused) + " is not an instruction set of this machine",
               .expected = join(names, ", ")});
}

void use_isa(Isa isa) { choice().set(isa); }

}  // namespace starnest
