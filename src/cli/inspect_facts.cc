#include "cli/inspect_facts.h"

#include <algorithm>

#include "arch/paired_checkpoint.h"

namespace starnest::cli {
namespace {

StoredFacts stored_in(const PairedCheckpoint& paired, const Widths& full) {
  StoredFacts stored;
  stored.notices = unused_notices(paired);
  for (const SafetensorsFile& file : paired.checkpoint().files()) {
    StoredFacts::Shard shard{file.path().filename().string(), file.tensors().size(), 0};
    for (const TensorInfo& info : file.tensors()) {
      StoredFacts::Dtype& dtype = stored.dtypes[std::string(name_of(info.dtype))];
      ++dtype.tensors;
      dtype.bytes += info.end - info.begin;
      shard.bytes += info.end - info.begin;
    }
    stored.tensors += shard.tensors;
    stored.bytes += shard.bytes;
    stored.shards.push_back(std::move(shard));
  }
  stored.unused_bytes = stored.bytes;
  for (const StoredTensor& tensor : paired.tensors()) {
    StoredFacts::Format& format = stored.formats[tensor.encoding];
    const uint64_t bytes = stored_bytes(tensor, full);
    ++format.tensors;
    format.bytes += bytes;
    stored.unused_bytes -= bytes;
  }
  return stored;
}

std::string width_text(const Widths& widths, Axis axis) {
  int low = 0, high = 0;
  for (const BlockWidths& block : widths.blocks) {
    const int width = block[axis];
    if (!block.kept || width == 0) continue;
    low = low == 0 ? width : std::min(low, width);
    high = std::max(high, width);
  }
  if (high == 0) return "-";
  return low == high ? std::to_string(low) : std::to_string(low) + "-" + std::to_string(high);
}

}  // namespace

ModelFacts facts_of(const FamilySpec& family) {
  const Widths full = full_widths(family.spec);
  ModelFacts facts{&family, {}, {}, {}};
  std::optional<PairedCheckpoint> paired;
  if (has_weights(family.folder)) {
    paired.emplace(family.spec, Checkpoint(family.folder));
    facts.stored = stored_in(*paired, full);
    facts.needs = memory_needs(family, *paired);
  }
  for (size_t number = family.sizes.largest(); number >= 1; --number) {
    const Size& size = family.sizes.at(number);
    SizeFacts here{&size, {}, state_cost_of(family.spec, size.widths)};
    for (size_t f = 0; f < kFormats.size(); ++f) {
      here.cost[f] = cost_of(family.spec, size.widths, kFormats[f]);
      facts.storage.separate[f] += here.cost[f].bytes;
    }
    if (paired) {
      here.bytes = 0;
      for (const StoredTensor& tensor : paired->tensors()) *here.bytes += stored_bytes(tensor, size.widths);
    }
    facts.sizes.push_back(here);
  }
  for (size_t f = 0; f < kFormats.size(); ++f) facts.storage.family[f] = cost_of(family.spec, full, kFormats[f]).bytes;
  return facts;
}

std::vector<WidthRow> widths_that_differ(const FamilySpec& family) {
  const Widths full = full_widths(family.spec);
  std::vector<WidthRow> rows;
  const auto add = [&](std::string key, const std::string& whole, auto text_of_size) {
    WidthRow row{std::move(key), {}};
    for (const Size& size : family.sizes.largest_first()) row.values.push_back(text_of_size(size.widths));
    if (std::any_of(row.values.begin(), row.values.end(), [&](const std::string& value) { return value != whole; }))
      rows.push_back(std::move(row));
  };
  for (const Axis axis : kDials) {
    const std::string whole = width_text(full, axis);
    if (whole != "-")
      add(std::string(key_of(axis)), whole, [&](const Widths& widths) { return width_text(widths, axis); });
  }
  const auto blocks = [](const Widths& widths) { return std::to_string(widths.kept_blocks()); };
  add("layers", blocks(full), blocks);
  return rows;
}

}  // namespace starnest::cli
