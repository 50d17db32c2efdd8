#include "convert/export_gguf.h"

#include <cmath>
#include <set>

#include "base/quantized.h"
#include "convert/test_source.h"
#include "format/weights/test_gguf.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// The tiny family with numbers of a magnitude below 2, and no tokenizer.
struct GgufSource : Source {
  explicit GgufSource(const Tiny& shape = {}, const nemotron_h::Naming& naming = {}) : Source(shape, naming) {
    for (auto& [name, stored] : tensors) {
      const size_t width = size_of(stored.dtype);
      for (size_t i = width - 1; i < stored.bytes.size(); i += width) stored.bytes[i] &= std::byte{0xbf};
    }
  }
  fs::path put(const TestFolder& temp, const std::string& sizes = kChain) const {
    write(temp / "family", sizes);
    fs::remove(temp / "family/tokenizer.json");
    return temp / "family";
  }
  // Codes and block scales of all kinds in place of the numbers.
  void make_nvfp4(const std::string& module, float whole) {
    const std::vector<uint64_t> shape = tensors.at(module + ".weight").shape;
    TensorBytes codes{DType::u8, {shape[0], shape[1] / 2}, {}};
    for (size_t i = 0; i < shape[0] * shape[1] / 2; ++i) codes.bytes.push_back(std::byte((i * 37 + i / 11) & 255));
    TensorBytes scales{DType::f8_e4m3, {shape[0], shape[1] / 16}, {}};
    for (size_t i = 0; i < shape[0] * shape[1] / 16; ++i) scales.bytes.push_back(std::byte(0x20 + i % 64));
    TensorBytes number{DType::f32, {}, std::vector<std::byte>(4)};
    std::memcpy(number.bytes.data(), &whole, 4);
    tensors[module + ".weight"] = codes;
    tensors[module + ".weight_scale"] = scales;
    tensors[module + ".weight_scale_2"] = number;
  }
};

ExportResult export_folder(const fs::path& from, const std::string& size, const fs::path& to,
                           const ExportOptions& options = {}) {
  const FamilySpec family = read_family(from);
  return export_gguf(family, family.size(size), to, options);
}

std::string refused_export(const fs::path& from, const std::string& size, const ExportOptions& options = {}) {
  const TestFolder temp;
  const std::string error = error_of([&] { export_folder(from, size, temp / "m.gguf", options); });
  EXPECT_FALSE(fs::exists(temp / "m.gguf"));
  return error;
}

std::vector<float> stored_numbers(const TensorBytes& stored) {
  std::vector<float> numbers(product(stored.shape));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = load_f32(stored.dtype, stored.bytes.data(), i);
  return numbers;
}

std::string text_of(const TensorBytes& stored) {
  return {reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size()};
}

TEST(ExportGguf, HasTheTensorsOfTheModelUnderTheirNames) {
  const TestFolder temp;
  const GgufSource source;
  uint64_t done = 0;
  std::vector<std::string> notes;
  const ExportResult result = export_folder(source.put(temp), "full", temp / "m.gguf",
                                            {.progress = [&](uint64_t now, uint64_t) { done = now; },
                                             .note = [&](const std::string& text) { notes.push_back(text); }});
  const GgufFile file(temp / "m.gguf");
  EXPECT_EQ(result.tensors, file.tensors.size());
  EXPECT_EQ(result.bytes, done);
  EXPECT_EQ(notes.size(), 2u);  // no tokenizer; both kinds of feed-forward blocks
  const std::string first = "backbone.layers.0.mixer.", moe = "backbone.layers.3.mixer.";
  const auto at = [&](const std::string& name) { return file.tensors.at(name); };
  EXPECT_EQ(at("blk.0.ssm_in.weight").bytes, text_of(source.tensors.at(first + "in_proj.weight")));
  EXPECT_EQ(at("blk.0.ssm_in.weight").type, GgmlType::bf16);
  EXPECT_EQ(at("blk.0.ssm_conv1d.weight").shape, (std::vector<uint64_t>{140, 4}));
  EXPECT_EQ(at("blk.0.ssm_norm.weight").shape, (std::vector<uint64_t>{2, 64}));
  EXPECT_EQ(file.floats("blk.0.ssm_d"), stored_numbers(source.tensors.at(first + "D")));
  EXPECT_EQ(at("blk.0.ssm_d").shape, (std::vector<uint64_t>{4, 1}));
  std::vector<float> decay = stored_numbers(source.tensors.at(first + "A_log"));
  for (float& x : decay) x = -std::exp(x);
  EXPECT_EQ(file.floats("blk.0.ssm_a"), decay);
  std::string experts;
  for (int e = 0; e < 5; ++e)
    experts += text_of(source.tensors.at(moe + "experts." + std::to_string(e) + ".up_proj.weight"));
  EXPECT_EQ(at("blk.3.ffn_up_exps.weight").bytes, experts);
  EXPECT_EQ(at("blk.3.ffn_up_exps.weight").shape, (std::vector<uint64_t>{5, 32, 48}));
  EXPECT_EQ(at("blk.3.ffn_gate_inp.weight").type, GgmlType::f32);
  EXPECT_EQ(file.key<std::vector<int32_t>>("nemotron_h_moe.feed_forward_length"),
            (std::vector<int32_t>{0, 48, 0, 32, 0, 0, 32, 48}));
  EXPECT_EQ(file.key<std::vector<int32_t>>("nemotron_h_moe.attention.head_count_kv"),
            (std::vector<int32_t>{0, 0, 0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(file.key<uint32_t>("general.file_type"), 32u);
  EXPECT_EQ(file.key<std::string>("tokenizer.ggml.model"), "none");
}

class ExportOfASize : public testing::TestWithParam<std::tuple<const char*, GgufFormat, bool>> {};

TEST_P(ExportOfASize, IsTheExportOfItsSlice) {
  const auto& [size, format, stacked] = GetParam();
  const TestFolder temp;
  const fs::path family = GgufSource({}, {.stacked_experts = stacked}).put(temp);
  export_folder(family, size, temp / "place.gguf", {.format = format});
  slice_folder(family, size, temp / "slice");
  export_folder(temp / "slice", "full", temp / "slice.gguf", {.format = format});
  GgufFile in_place(temp / "place.gguf"), sliced(temp / "slice.gguf");
  EXPECT_EQ(in_place.tensors, sliced.tensors);
  EXPECT_EQ(in_place.key<std::string>("general.name"), std::string("family-") + size);
  in_place.keys.erase("general.name"), sliced.keys.erase("general.name");
  EXPECT_EQ(in_place.keys, sliced.keys);
}

INSTANTIATE_TEST_SUITE_P(All, ExportOfASize,
                         testing::Combine(testing::Values("mid", "small"),
                                          testing::Values(GgufFormat::as_stored, GgufFormat::f16), testing::Bool()));

// Of the description of the type in ggml: values twice those of E2M1, scales half those of E4M3.
std::vector<float> decoded_ggml_nvfp4(const std::string& bytes) {
  std::vector<float> out(bytes.size() / 36 * 64);
  for (size_t block = 0; block < bytes.size() / 36; ++block)
    for (size_t s = 0; s < 4; ++s)
      for (size_t j = 0; j < 8; ++j) {
        const auto code = uint8_t(bytes[block * 36 + 4 + s * 8 + j]);
        const float scale = e4m3_to_f32(uint8_t(bytes[block * 36 + s]));
        out[block * 64 + s * 16 + j] = scale * e2m1_to_f32(code & 15);
        out[block * 64 + s * 16 + j + 8] = scale * e2m1_to_f32(code >> 4);
      }
  return out;
}

TEST(ExportGguf, KeepsTheNumbersOfNvfp4) {
  const TestFolder temp;
  GgufSource source(Tiny{.hidden = 64});
  const std::string up = "backbone.layers.1.mixer.up_proj", expert = "backbone.layers.3.mixer.experts.";
  source.make_nvfp4(up, 0.25f);
  for (int e = 0; e < 5; ++e) source.make_nvfp4(expert + std::to_string(e) + ".up_proj", 1.0f + float(e));
  export_folder(source.put(temp, R"({"name": "full"})"), "full", temp / "m.gguf");
  const GgufFile file(temp / "m.gguf");
  EXPECT_EQ(file.tensors.at("blk.1.ffn_up.weight").type, GgmlType::nvfp4);
  EXPECT_EQ(file.tensors.at("blk.1.ffn_up.weight").shape, (std::vector<uint64_t>{48, 64}));
  const TensorBytes &codes = source.tensors.at(up + ".weight"), &scales = source.tensors.at(up + ".weight_scale");
  std::vector<float> want(48 * 64);
  decode_nvfp4(codes.bytes.data(), scales.bytes.data(), 1, want);
  EXPECT_EQ(decoded_ggml_nvfp4(file.tensors.at("blk.1.ffn_up.weight").bytes), want);
  EXPECT_EQ(file.floats("blk.1.ffn_up.scale"), std::vector<float>{0.25f});
  EXPECT_EQ(file.tensors.at("blk.3.ffn_up_exps.weight").shape, (std::vector<uint64_t>{5, 32, 64}));
  EXPECT_EQ(file.floats("blk.3.ffn_up_exps.scale"), (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_FALSE(file.tensors.contains("blk.1.ffn_up.input_scale"));
  EXPECT_EQ(file.key<std::vector<std::string>>("general.tensor_extra.name"),
            (std::vector<std::string>{"blk.1.ffn_up.weight", "blk.3.ffn_up_exps.weight"}));
  EXPECT_EQ(file.key<std::vector<bool>>("general.tensor_extra.prec_a4"), (std::vector<bool>{false, false}));
  EXPECT_EQ(file.key<uint32_t>("general.file_type"), 39u);
}

TEST(ExportGguf, RefusesATypeThatCannotApply) {
  const TestFolder temp;
  GgufSource source;
  source.make_nvfp4("backbone.layers.1.mixer.up_proj", 1);
  const fs::path family = source.put(temp, R"({"name": "full"})");
  const std::string narrow = refused_export(family, "full");
  EXPECT_CONTAINS(narrow, "size 'full', ");
  EXPECT_CONTAINS(narrow, "layers.1.mixer.up_proj.weight': cannot be NVFP4 of GGUF");
  EXPECT_CONTAINS(narrow, "a multiple of 64 numbers, got 48");
  EXPECT_CONTAINS(refused_export(family, "full", {.format = GgufFormat::bf16}), "is NVFP4");

  const TestFolder plain;
  const std::string blocks = refused_export(GgufSource().put(plain), "full", {.format = GgufFormat::q8_0});
  EXPECT_CONTAINS(blocks, "cannot be Q8_0 of GGUF; expected rows of a multiple of 32 numbers, got 48");
}

TEST(ExportGguf, RefusesANumberThatF16CannotHold) {
  const TestFolder temp;
  GgufSource source;
  source.tensors.at("lm_head.weight").bytes[1] = std::byte{0x7e};  // about 2^125
  const fs::path family = source.put(temp);
  EXPECT_CONTAINS(refused_export(family, "full", {.format = GgufFormat::f16}), "has a number that F16 cannot hold");
}

TEST(ExportGguf, ReplacesAFileOnlyWhenAsked) {
  const TestFolder temp;
  const fs::path family = GgufSource().put(temp);
  put_file(temp / "m.gguf", "mine");
  EXPECT_CONTAINS(error_of([&] { export_folder(family, "small", temp / "m.gguf"); }), "is there already");
  EXPECT_EQ(file_text(temp / "m.gguf"), "mine");
  export_folder(family, "small", temp / "m.gguf", {.overwrite = Overwrite::replace});
  EXPECT_EQ(file_text(temp / "m.gguf").substr(0, 4), "GGUF");
}

}  // namespace
}  // namespace starnest
