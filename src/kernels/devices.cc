#include "kernels/devices.h"

#include "base/text.h"
#include "kernels/cpu/cpu_device.h"
#include "kernels/ref/ref_device.h"
#include "starnest/error.h"

namespace starnest {

std::vector<std::string> device_names() { return {"cpu", "ref"}; }

std::unique_ptr<Device> make_device(std::string_view name) {
  if (name == "cpu") return make_cpu_device(chosen_isa());
  if (name == "ref") return make_ref_device();
  throw Error({.where = "device",
               .what = in_quotes(name) + " is not known to this build",
               .expected = join(device_names(), " or ")});
}

}  // namespace starnest
