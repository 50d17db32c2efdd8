#include "arch/gguf.h"

namespace starnest {

std::string gguf_scale_of(const std::string& tensor) { return std::string(module_of(tensor)) + ".scale"; }

std::string gguf_input_scale_of(const std::string& tensor) { return std::string(module_of(tensor)) + ".input_scale"; }

}  // namespace starnest
