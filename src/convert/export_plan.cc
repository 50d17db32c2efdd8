#include "convert/export_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

std::string where_in(const Size& size, const StoredTensor& tensor) {
  return "size " + in_quotes(size.name) + ", " + tensor.where();
}

GgmlType type_of_plain(Encoding encoding) {
  switch (encoding) {
    case Encoding::f32:
      return GgmlType::f32;
    case Encoding::bf16:
      return GgmlType::bf16;
    case Encoding::f16:
      return GgmlType::f16;
    default:
      check_failed("encoding", "is not plain", __FILE__, __LINE__);
  }
}

// What a stored tensor becomes. Whether its rows are whole blocks is another question.
GgmlType type_for(const StoredTensor& tensor, const GgufPlace& place, GgufFormat format, const Size& size) {
  if (tensor.encoding == Encoding::nvfp4 && format == GgufFormat::as_stored && !place.always_f32)
    return GgmlType::nvfp4;
  if (!is_plain(tensor.encoding))
    throw Error({.where = where_in(size, tensor),
                 .what = "is " + std::string(name_of(tensor.encoding)) + ", which has no such type in GGUF",
                 .expected = "NVFP4 exported as stored, or numbers that are not quantised",
                 .hint = tensor.encoding == Encoding::nvfp4 ? "Leave --type away" : "Export the unquantised model"});
  if (place.always_f32) return GgmlType::f32;
  switch (format) {
    case GgufFormat::bf16:
      return GgmlType::bf16;
    case GgufFormat::f16:
      return GgmlType::f16;
    case GgufFormat::q8_0:
      return GgmlType::q8_0;
    case GgufFormat::as_stored:
      break;
  }
  return type_of_plain(tensor.encoding);
}

void require_whole_rows(const GgufTensor& tensor, const StoredTensor& stored, const Size& size) {
  const size_t numbers = block_of(tensor.type).numbers;
  if (tensor.shape.back() % numbers == 0) return;
  throw Error({.where = where_in(size, stored),
               .what = "cannot be " + std::string(name_of(tensor.type)) + " of GGUF",
               .expected = "rows of a multiple of " + std::to_string(numbers) + " numbers",
               .got = std::to_string(tensor.shape.back()),
               .hint = tensor.type == GgmlType::q8_0 ? "Export this size as bf16 or f16"
                                                     : "Export this size from the unquantised model"});
}

class GgufPlan {
 public:
  GgufPlan(const FamilySpec& family, const Size& size, GgufFormat format)
      : architecture_(architecture_of(family.spec)),
        size_(size),
        format_(format),
        spec_(narrowed(family.spec, size.widths)) {}

  void add(const StoredTensor& stored, const TensorSpec& sliced) {
    const GgufPlace place = architecture_.gguf_place(spec_, sliced);
    const GgmlType type = type_for(stored, place, format_, size_);
    const auto [at, is_new] = at_.emplace(place.name, planned_.size());
    if (is_new) {
      planned_.push_back({{place.name, type, place.shape}, place.negated_exponential, {}, {}});
      require_whole_rows(planned_.back().tensor, stored, size_);
    }
    PlannedGguf& planned = planned_[at->second];
    if (planned.tensor.type != type)
      throw Error({.where = where_in(size_, stored),
                   .what = "is stored in another type than the experts before it, and GGUF has one for all",
                   .expected = std::string(name_of(planned.tensor.type)),
                   .got = std::string(name_of(type))});
    planned.sources.push_back(&stored);
  }

  std::vector<PlannedGguf> finish() && {
    std::vector<PlannedGguf> out;
    for (PlannedGguf& planned : planned_) {
      PlannedGguf scales = beside(planned, gguf_scale_of, [](const StoredTensor& s) { return s.tensor_scale_value; });
      PlannedGguf inputs =
          beside(planned, gguf_input_scale_of, [](const StoredTensor& s) { return s.input_scale_value; });
      out.push_back(std::move(planned));
      if (!scales.numbers.empty()) out.push_back(std::move(scales));
      if (!inputs.numbers.empty()) out.push_back(std::move(inputs));
    }
    return out;
  }

 private:
  // A number for the whole of each source, empty when all are 1.
  template <class Of>
  static PlannedGguf beside(const PlannedGguf& planned, std::string (*name)(const std::string&), Of of) {
    PlannedGguf out{{name(planned.tensor.name), GgmlType::f32, {}}, false, {}, {}};
    if (planned.tensor.type != GgmlType::nvfp4) return out;
    for (const StoredTensor* source : planned.sources) out.numbers.push_back(of(*source));
    if (std::all_of(out.numbers.begin(), out.numbers.end(), [](float scale) { return scale == 1; }))
      out.numbers.clear();
    out.tensor.shape = {out.numbers.size()};
    return out;
  }

  const Architecture& architecture_;
  const Size& size_;
  GgufFormat format_;
  ModelSpec spec_;  // of the size
  std::vector<PlannedGguf> planned_;
  std::map<std::string, size_t> at_;
};

}  // namespace

std::vector<PlannedGguf> plan_gguf(const FamilySpec& family, const Size& size, const PairedCheckpoint& source,
                                   GgufFormat format) {
  GgufPlan plan(family, size, format);
  const auto sliced = tensors_of(narrowed(family.spec, size.widths), names_in(source.checkpoint()));
  size_t next = 0;
  for (const StoredTensor& tensor : source.tensors())
    if (tensor.spec.present(size.widths)) plan.add(tensor, sliced.at(next++));
  SN_CHECK(next == sliced.size(), "a size keeps other tensors than its own model has");
  return std::move(plan).finish();
}

}  // namespace starnest
