#include "nest/segments.h"

#include <algorithm>

#include "base/check.h"

namespace starnest {
namespace {

void append(std::vector<IndexRange>& ranges, IndexRange next) {
  if (next.count == 0) return;
  if (!ranges.empty() && ranges.back().begin + ranges.back().count == next.begin) {
    ranges.back().count += next.count;
  } else {
    ranges.push_back(next);
  }
}

// A run of channels of one unit, as it lies in memory.
struct Run {
  size_t added_by;    // index in the chain
  size_t unit;        // rank-major number
  size_t file_begin;  // in the segment
  size_t channel_count;
};

// The runs that the sizes of `chain` add one after the other.
std::vector<Run> memory_runs(const Segment& segment, std::span<const BlockWidths> chain) {
  std::vector<Run> runs;
  const int units_per_group = segment.units / segment.groups;
  int inner_ranks = 0, inner_channels = 0;
  for (size_t s = 0; s < chain.size(); ++s) {
    const BlockWidths& size = chain[s];
    if (!size.kept) continue;
    const int ranks = segment.kept_units(size) / segment.groups;
    const int channels = segment.kept_channels(size);
    SN_CHECK(ranks >= inner_ranks && channels >= inner_channels, "sizes are not nested");
    for (int rank = 0; rank < ranks; ++rank) {
      const int first = rank < inner_ranks ? inner_channels : 0;
      if (first == channels) continue;
      for (int group = 0; group < segment.groups; ++group) {
        const int unit = group * units_per_group + rank;
        runs.push_back({s, size_t(rank * segment.groups + group), size_t(unit * segment.channels + first),
                        size_t(channels - first)});
      }
    }
    inner_ranks = ranks;
    inner_channels = channels;
  }
  return runs;
}

}  // namespace

int extent_of(const Dimension& dimension) {
  int sum = 0;
  for (const Segment& segment : dimension) sum += segment.extent();
  return sum;
}

int kept_extent(const Dimension& dimension, const BlockWidths& widths) {
  int sum = 0;
  for (const Segment& segment : dimension) sum += segment.kept_extent(widths);
  return sum;
}

std::vector<IndexRange> kept_ranges(const Dimension& dimension, const BlockWidths& widths) {
  std::vector<IndexRange> ranges;
  size_t start = 0;
  for (const Segment& segment : dimension) {
    const int units_per_group = segment.units / segment.groups;
    const int kept_per_group = segment.kept_units(widths) / segment.groups;
    const size_t channels = size_t(segment.kept_channels(widths));
    for (int group = 0; group < segment.groups; ++group)
      for (int rank = 0; rank < kept_per_group; ++rank)
        append(ranges, {start + size_t((group * units_per_group + rank) * segment.channels), channels});
    start += size_t(segment.extent());
  }
  return ranges;
}

std::vector<size_t> kept_indices(const Dimension& dimension, const BlockWidths& widths) {
  std::vector<size_t> indices;
  for (const IndexRange& range : kept_ranges(dimension, widths))
    for (size_t i = 0; i < range.count; ++i) indices.push_back(range.begin + i);
  return indices;
}

std::vector<size_t> memory_order(const Segment& segment, std::span<const BlockWidths> chain) {
  std::vector<size_t> order;
  for (const Run& run : memory_runs(segment, chain))
    for (size_t c = 0; c < run.channel_count; ++c) order.push_back(run.file_begin + c);
  return order;
}

std::vector<UnitPiece> memory_pieces(const Segment& segment, std::span<const BlockWidths> chain,
                                     const BlockWidths& size) {
  std::vector<UnitPiece> pieces;
  const size_t kept = size_t(segment.kept_extent(size));
  size_t position = 0;
  for (const Run& run : memory_runs(segment, chain)) {
    if (position == kept) break;
    pieces.push_back({run.unit, position, run.channel_count, run.added_by});
    position += run.channel_count;
  }
  SN_CHECK(position == kept, "the size is not one of the chain");
  // Later runs of a unit hold later channels.
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const UnitPiece& a, const UnitPiece& b) { return a.unit < b.unit; });
  return pieces;
}

}  // namespace starnest
