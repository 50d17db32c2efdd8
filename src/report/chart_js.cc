#include "report/chart_js.h"

#include <cstddef>

extern "C" {
extern const char starnest_chart_js_begin[];
extern const char starnest_chart_js_end[];
}

namespace starnest {

std::string_view chart_js() {
  return {starnest_chart_js_begin, size_t(starnest_chart_js_end - starnest_chart_js_begin)};
}

}  // namespace starnest
