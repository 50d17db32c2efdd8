#include "format/text/pretokenizer.h"

namespace starnest {
namespace {

struct Range {
  size_t begin, end;
  bool is_match;
};

// `text` cut into matches and what lies between them.
void cut(std::string_view text, const PretokenStep& step, std::vector<Range>& ranges) {
  ranges.clear();
  size_t last = 0;
  step.pattern->find_all(text, [&](size_t begin, size_t end) {
    if (begin != last) ranges.push_back({last, begin, step.invert});
    ranges.push_back({begin, end, !step.invert});
    last = end;
  });
  if (last != text.size()) ranges.push_back({last, text.size(), step.invert});
}

// Joins a match with the range before it unless that one is a match too.
void merge_with_previous(std::vector<Range>& ranges) {
  std::vector<Range> merged;
  bool after_match = false;
  for (const Range& range : ranges) {
    if (range.is_match && !after_match && !merged.empty())
      merged.back().end = range.end;
    else
      merged.push_back(range);
    after_match = range.is_match;
  }
  ranges = std::move(merged);
}

void merge_with_next(std::vector<Range>& ranges) {
  std::vector<Range> merged;
  bool before_match = false;
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
    if (range->is_match && !before_match && !merged.empty())
      merged.back().begin = range->begin;
    else
      merged.push_back(*range);
    before_match = range->is_match;
  }
  ranges.assign(merged.rbegin(), merged.rend());
}

void merge_equal(std::vector<Range>& ranges) {
  std::vector<Range> merged;
  for (const Range& range : ranges) {
    if (!merged.empty() && merged.back().is_match == range.is_match)
      merged.back().end = range.end;
    else
      merged.push_back(range);
  }
  ranges = std::move(merged);
}

void apply(SplitBehavior behavior, std::vector<Range>& ranges) {
  switch (behavior) {
    case SplitBehavior::isolated:
      return;
    case SplitBehavior::removed:
      std::erase_if(ranges, [](const Range& range) { return range.is_match; });
      return;
    case SplitBehavior::merged_with_previous:
      return merge_with_previous(ranges);
    case SplitBehavior::merged_with_next:
      return merge_with_next(ranges);
    case SplitBehavior::contiguous:
      return merge_equal(ranges);
  }
}

Piece with_space(const Piece& piece, std::deque<std::string>& storage) {
  return {storage.emplace_back(" " + std::string(piece.text)), piece.offset, true};
}

// The part of `piece` in `range`. An added space has no place in the section: what follows it moves up by one.
Piece part_of(const Piece& piece, const Range& range) {
  const std::string_view text = piece.text.substr(range.begin, range.end - range.begin);
  const size_t shift = piece.has_added_space && range.begin > 0 ? 1 : 0;
  return {text, piece.offset + range.begin - shift, piece.has_added_space && range.begin == 0};
}

}  // namespace

std::vector<Piece> Pretokenizer::split(std::string_view section, std::deque<std::string>& storage) const {
  std::vector<Piece> pieces, next;
  std::vector<Range> ranges;
  if (!section.empty()) pieces.push_back({section, 0});
  for (const PretokenStep& step : steps_) {
    next.clear();
    for (Piece piece : pieces) {
      if (step.add_prefix_space && !piece.text.starts_with(' ')) piece = with_space(piece, storage);
      if (!step.pattern) {
        next.push_back(piece);
        continue;
      }
      cut(piece.text, step, ranges);
      apply(step.behavior, ranges);
      for (const Range& range : ranges)
        if (range.end > range.begin) next.push_back(part_of(piece, range));
    }
    pieces.swap(next);
  }
  return pieces;
}

}  // namespace starnest
