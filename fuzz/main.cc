// The entry of libFuzzer for the target that STARNEST_FUZZ_TARGET names.
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  starnest::fuzz::run(starnest::fuzz::STARNEST_FUZZ_TARGET, {reinterpret_cast<const char*>(data), size});
  return 0;
}
