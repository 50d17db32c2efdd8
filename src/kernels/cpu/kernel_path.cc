#include "kernels/cpu/isa.h"
#include "kernels/exec.h"

namespace starnest {

std::string_view kernel_path() { return name_of(isa()); }

}  // namespace starnest
