#include "kernels/cpu/isa.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

#if defined(__x86_64__)
// clang 14 has no name for it in __builtin_cpu_supports.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

bool machine_has(Isa isa) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
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
      return avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  }
#endif
  return isa == Isa::portable;
}

std::optional<Isa> named(std::string_view name) {
  for (const Isa isa : available_isas())
    if (name_of(isa) == name) return isa;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Isa isa) {
  constexpr std::string_view kNames[] = {"portable", "avx2", "avx512", "avx512bf16"};
  return kNames[size_t(isa)];
}

std::vector<Isa> available_isas() {
  std::vector<Isa> out;
  std::copy_if(kIsas.begin(), kIsas.end(), std::back_inserter(out), machine_has);
  return out;
}

Isa chosen_isa() {
  const char* name = std::getenv("STARNEST_ISA");
  if (!name || !*name) return available_isas().back();
  if (const auto asked = named(name)) return *asked;
  std::vector<std::string> names;
  for (const Isa available : available_isas()) names.emplace_back(name_of(available));
  throw Error({.where = "STARNEST_ISA",
               .what = in_quotes(name) + " is not an instruction set of this machine",
               .expected = join(names, ", ")});
}

}  // namespace starnest
