#include "cli/quantize_report.h"

#include <array>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/common.h"

namespace starnest::cli {
namespace {

// By ModulePart. Only presets care which Mamba block stands before attention.
constexpr std::array<const char*, kModuleParts> kTitles{"Mamba",         "Mamba", "attention", "routed experts",
                                                        "shared expert", "MLP",   "head",      "other"};

struct Sum {
  uint64_t tensors = 0, before = 0, after = 0;
  double squares = 0, squared_error = 0;

  void add(const QuantizedTensor& tensor) {
    ++tensors;
    before += tensor.bytes_before, after += tensor.bytes_after;
    squares += tensor.squares, squared_error += tensor.squared_error;
  }
};

bool is_quantized(const QuantizedTensor& tensor) { return !is_plain(tensor.to); }

double nmse(double squared_error, double squares) { return squares > 0 ? squared_error / squares : 0; }

std::vector<std::string> row(const std::string& title, const std::string& format, const Sum& sum, bool quantized) {
  return {title,
          format,
          grouped(sum.tensors),
          grouped(sum.before),
          grouped(sum.after),
          quantized ? format_number("%.3e", nmse(sum.squared_error, sum.squares)) : "-"};
}

}  // namespace

std::string quantize_text(const QuantizeFacts& facts) {
  std::map<std::pair<size_t, Encoding>, Sum> parts;
  Sum all;
  bool has_blocks = false;
  for (const QuantizedTensor& tensor : facts.result->tensors) {
    size_t part = size_t(tensor.part);
    if (tensor.part == ModulePart::mamba_before_attention) part = size_t(ModulePart::mamba);
    parts[{part, tensor.to}].add(tensor);
    all.add(tensor);
    has_blocks |= tensor.to == Encoding::nvfp4;
  }
  std::vector<std::vector<std::string>> rows{{"part", "format", "tensors", "bytes before", "bytes after", "NMSE"}};
  for (const auto& [key, sum] : parts)
    rows.push_back(row(kTitles[key.first], std::string(name_of(key.second)), sum, !is_plain(key.second)));
  rows.push_back(row("all", "", all, true));
  return table_text(rows) + "\n" + facts.out + ": preset " + std::string(facts.preset) +
         (has_blocks ? ", scales " + facts.scales : "") + ", " + bytes_text(facts.result->bytes) + " (" +
         grouped(facts.result->bytes) + " bytes) in " + grouped(facts.result->shards) +
         (facts.result->shards == 1 ? " file" : " files") + ", checksums in " + facts.out + "/SHA256SUMS\n";
}

std::string quantize_json(const QuantizeFacts& facts) {
  using Json = nlohmann::ordered_json;
  Json tensors = Json::array();
  for (const QuantizedTensor& tensor : facts.result->tensors) {
    Json entry{{"name", tensor.name},      {"part", kTitles[size_t(tensor.part)]}, {"from", name_of(tensor.from)},
               {"to", name_of(tensor.to)}, {"bytes_before", tensor.bytes_before},  {"bytes_after", tensor.bytes_after}};
    entry["nmse"] = is_quantized(tensor) ? Json(nmse(tensor.squared_error, tensor.squares)) : Json();
    tensors.push_back(std::move(entry));
  }
  const Json root{{"output", facts.out},          {"preset", facts.preset},        {"scales", facts.scales},
                  {"bytes", facts.result->bytes}, {"files", facts.result->shards}, {"tensors", std::move(tensors)}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace starnest::cli
