#include "generate/request.h"

#include <algorithm>
#include <utility>

#include "generate/family_impl.h"

namespace starnest {
namespace {

const Tokenizer* tokenizer_for(const Family::Impl& family, const AskOptions& options) {
  return options.stop.empty() && !family.tokenizer ? nullptr : &family.require_tokenizer();
}

}  // namespace

Request::Request(const Family& family, std::vector<TokenId> prompt, AskOptions options)
    : family_(family),
      options_(std::move(options)),
      generation_(family.impl().engine, family.impl().rules, std::move(prompt), family.impl().resolved(options_.plan),
                  options_.sampling.value_or(family.impl().sampling), options_.use_cache ? family.impl().snapshots_in_use() : nullptr),
      writer_(tokenizer_for(family.impl(), options_), options_.stop, options_.on_text) {
  // A budget of 0 has closed thinking before the first token is read.
  if (const auto& plan = generation_.plan(); !generation_.output().empty())
    show_new({0, plan.stages.front().size, Phase::thinking});
  if (generation_.done()) end(generation_.end());
}

StageReport& Request::report(const Place& place, StageReport::Work work) {
  const std::string& size = family_.impl().engine.name_of(place.size);
  const auto same = [&](const StageReport& r) {
    return r.stage == int(place.stage) && r.phase == place.phase && r.work == work && r.size == size;
  };
  const auto found = std::find_if(reports_.rbegin(), reports_.rend(), same);
  if (found != reports_.rend()) return *found;
  reports_.push_back({.stage = int(place.stage), .size = size, .work = work, .phase = place.phase});
  return reports_.back();
}

void Request::count(const Place& place, std::span<const BatchItem> items, double seconds) {
  const Family::Impl& family = family_.impl();
  const auto add = [&](const BatchItem& item, double bytes, StageReport& to) {
    to.steps += 1;
    to.seconds += seconds;
    to.bytes += bytes;
    if (to.work != StageReport::Work::writing) to.tokens += int(item.tokens.size());
  };
  const double own = family.bytes_moved(items.first(1));
  StageReport& first =
      report(place, generation_.reading() ? StageReport::Work::reading : StageReport::Work::writing);
  if (first.work == StageReport::Work::reading) first.hand_over = generation_.handed_over();
  add(items.front(), own, first);
  if (items.size() == 1) return;
  Place beside = place;
  beside.size = items.back().sequence->size();
  add(items.back(), family.bytes_moved(items) - own, report(beside, StageReport::Work::along));
}

void Request::advance(std::span<const BatchItem> items, double seconds) {
  const Place before = place();
  if (!reused_tokens_) reused_tokens_ = int(generation_.reused());
  count(before, items, seconds);
  seconds_ += seconds;
  const bool chooses = items.front().want == Want::last;
  generation_.advance(items);
  if (!chooses) return;
  if (!seconds_to_first_token_) seconds_to_first_token_ = seconds_;
  show_new(before);
  if (writer_.stopped())
    end(AnswerEnd::stop_text);
  else if (generation_.done())
    end(generation_.end());
}

// What was written since the last time is all of one stage and phase.
void Request::show_new(const Place& writer) {
  const std::span<const TokenId> fresh = generation_.output().subspan(shown_);
  shown_ += fresh.size();
  const std::string& size = family_.impl().engine.name_of(writer.size);
  report(writer, StageReport::Work::writing).tokens += int(fresh.size());
  writer_.write(writer.phase, size, fresh);
  if (writer.phase == Phase::thinking && generation_.phase() == Phase::answering) writer_.finish(writer.phase, size);
}

void Request::end(AnswerEnd how) {
  end_ = how;
  writer_.finish(generation_.phase(), family_.impl().engine.name_of(generation_.size()));
  generation_.leave_snapshot();
  generation_.release();
}

Answer Request::answer() const {
  return {.thinking = writer_.thinking(),
          .answer = writer_.answer(),
          .ids = {generation_.output().begin(), generation_.output().end()},
          .think_end = generation_.think_end(),
          .end = end_.value_or(AnswerEnd::cancelled),
          .seconds_to_first_token = seconds_to_first_token_.value_or(0),
          .reused_tokens = reused_tokens_.value_or(0),
          .stages = reports_};
}

}  // namespace starnest
