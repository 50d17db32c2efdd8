#include "kernels/cpu/targets.h"
#include "kernels/exec.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/kernel_path.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

int64_t this_target() { return HWY_TARGET; }

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(this_target);

}  // namespace

std::string_view kernel_path() {
  const int64_t target = HWY_DYNAMIC_DISPATCH(this_target)();
  switch (target) {
    case HWY_AVX3:
      return "avx512";
    case HWY_AVX2:
      return "avx2";
    case HWY_NEON:
      return "neon";
    case HWY_SCALAR:
      return "scalar";
    default:
      return hwy::TargetName(target);
  }
}

}  // namespace starnest
#endif
