#include "kernels/devices.h"

#include <cstring>
#include <set>

#include "base/test_support.h"
#include "kernels/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

TEST(Devices, AreMadeByNameAndUnknownNamesAreRefusedWithTheList) {
  for (const std::string& name : device_names()) EXPECT_FALSE(make_device(name)->kernel_path().empty()) << name;
  EXPECT_EQ(make_device("ref")->kernel_path(), "ref");
  const std::string error = error_of([] { make_device("gpu"); });
  EXPECT_NE(error.find("'gpu' is not known"), std::string::npos) << error;
  EXPECT_NE(error.find("cpu or ref"), std::string::npos) << error;
}

TEST(Devices, EachHasAPathOfItsOwnAndAFunctionForEveryOp) {
  std::set<std::string_view> paths;
  test::for_each_back_end([&] {
    EXPECT_TRUE(paths.insert(test::device().kernel_path()).second);
    const Ops& ops = test::device().ops();
    std::vector<void*> functions(sizeof(Ops) / sizeof(void*));
    std::memcpy(functions.data(), &ops, sizeof(Ops));
    for (const void* function : functions) EXPECT_NE(function, nullptr);
  });
}

TEST(Devices, MemoryIsZeroedWhereAskedAlignedAndCopied) {
  test::for_each_back_end([] {
    Device& device = test::device();
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{3} << 20}) {
      const DeviceMemory zeros = DeviceMemory::zeroed(device, bytes);
      const DeviceMemory memory(device, bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % 64, 0u);
      std::vector<std::byte> host(bytes, std::byte{7}), back(bytes);
      device.download(back.data(), zeros.data(), bytes);
      for (const std::byte b : back) ASSERT_EQ(b, std::byte{0});
      device.upload(memory.data(), host.data(), bytes);
      device.copy(zeros.data(), memory.data(), bytes);
      device.download(back.data(), zeros.data(), bytes);
      device.finish();
      EXPECT_EQ(back, host);
      device.zero(zeros.data(), bytes);
      device.download(back.data(), zeros.data(), bytes);
      EXPECT_EQ(back, std::vector<std::byte>(bytes));
    }
  });
}

TEST(Devices, CopyRowsKeepsToTheRows) {
  test::for_each_back_end([] {
    Device& device = test::device();
    std::vector<std::byte> host;
    for (int i = 0; i < 12; ++i) host.push_back(std::byte(i));
    const DeviceMemory from(device, 12), to = DeviceMemory::zeroed(device, 8);
    device.upload(from.data(), host.data(), 12);
    device.copy_rows({to.data(), 4}, {from.data(), 6}, 2, 3);
    std::vector<std::byte> got(8);
    device.download(got.data(), to.data(), 8);
    EXPECT_EQ(got, (std::vector<std::byte>{host[0], host[1], host[2], {}, host[6], host[7], host[8], {}}));
  });
}

TEST(Devices, AnImpossibleAmountOfMemoryIsAnError) {
  EXPECT_NE(error_of([] { test::device().allocate(size_t{1} << 62); }).find("cannot reserve"), std::string::npos);
}

}  // namespace
}  // namespace starnest
