// Folders exactly as NVIDIA's Model Optimizer exported them, against the same weights decoded to F32.
#include "base/quantized.h"

#include <fstream>

#include <gtest/gtest.h>

#include "arch/paired_checkpoint.h"
#include "base/test_support.h"
#include "format/json/json.h"
#include "format/weights/safetensors_writer.h"
#include "golden.h"

namespace starnest {
namespace {

std::filesystem::path export_of(const std::string& name) {
  return std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/data/quant" / name;
}

std::vector<float> decoded(const StoredTensor& tensor, size_t count) {
  std::vector<float> numbers(count);
  const std::byte* const codes = tensor.codes.bytes().data();
  if (tensor.encoding == Encoding::nvfp4)
    decode_nvfp4(codes, tensor.scales->bytes().data(), tensor.tensor_scale_value, numbers);
  else if (tensor.encoding == Encoding::fp8)
    decode_fp8(codes, tensor.tensor_scale_value, numbers);
  else
    for (size_t i = 0; i < count; ++i) numbers[i] = load_f32(tensor.codes.info->dtype, codes, i);
  return numbers;
}

// The model of `family` with all weights as F32 and no word about quantisation.
void write_decoded(const FamilySpec& family, const std::filesystem::path& out) {
  const PairedCheckpoint checkpoint(family.spec, Checkpoint(family.folder));
  const Widths full = full_widths(family.spec);
  std::vector<TensorHeader> headers;
  for (const StoredTensor& tensor : checkpoint.tensors())
    headers.push_back({tensor.spec.name, DType::f32, tensor.spec.shape(full)});
  SafetensorsWriter writer(out / "model.safetensors", headers, {});
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    const std::vector<float> numbers = decoded(tensor, tensor.spec.elements(full));
    writer.put(tensor.spec.name, 0, std::as_bytes(std::span(numbers)));
  }
  writer.commit();
  Json config = parse_json(file_text(family.folder / "config.json"), "config.json");
  config.erase("quantization_config");
  put_file(out / "config.json", config.dump());
}

class Exported : public testing::TestWithParam<std::string> {};

TEST_P(Exported, ComputesWhatItsDecodedWeightsCompute) {
  const TestFolder folder;
  const FamilySpec family = read_family(export_of(GetParam()));
  write_decoded(family, folder.path());
  const FamilySpec plain = read_family(folder.path());
  const std::vector<TokenId> ids{1, 5, 9, 30, 2, 2, 17, 8, 21, 4};
  Engine expected(plain, make_ref_device(), {.threads = 1, .kv_dtype = DType::f32});
  const std::vector<float> want = golden::logits_of(expected, "full", ids);
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(family, device, {.threads = 2, .kv_dtype = DType::f32});
    // Weights are read exactly; the processor rounds what meets 4-bit weights to int8, and on one instruction set what
    // meets the others to BF16.
    const double tolerance = device->kernel_path() == "ref" ? 1e-5 : 5e-2;
    const double error = golden::relative_error(golden::logits_of(engine, "full", ids), want, engine.vocab());
    EXPECT_LE(error, tolerance);
  });
}

INSTANTIATE_TEST_SUITE_P(ModelOpt, Exported, testing::Values("export_nvfp4_kv", "export_mixed"),
                         [](const auto& folder) { return folder.param; });

}  // namespace
}  // namespace starnest
