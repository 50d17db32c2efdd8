#include "kernels/cpu/cpu_device.h"

#include "kernels/cpu/panels.h"
#include "kernels/cpu/table.h"
#include "kernels/host_device.h"

namespace starnest {
namespace {

class CpuDevice : public HostDevice {
 public:
  explicit CpuDevice(Isa isa) : isa_(isa), ops_(cpu::table_of(isa)) {}

  std::string_view kernel_path() const override { return name_of(isa_); }
  const PanelLayout& panels() const override { return cpu::kPanels; }
  const Ops& ops() const override { return ops_; }

 private:
  Isa isa_;
  Ops ops_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(Isa isa) { return std::make_unique<CpuDevice>(isa); }

}  // namespace starnest
