#include "generate/request.h"

#include <algorithm>
#include <utility>

#include "generate/family_impl.h"

namespace starnest {
namespace {

std::vector<std::string> end_tags(const GenerationRules& rules) {
  return rules.think ? rules.think->visible_ends : std::vector<std::string>{};
}

Sampling checked_sampling(const Family& family, const AskOptions& options) {
  Sampling sampling = options.sampling.value_or(family.impl().sampling);
  family.check(sampling);
  return sampling;
}

const Tokenizer* tokenizer_for(const Family::Impl& family, const AskOptions& options) {
  return options.stop.empty() && !family.tokenizer ? nullptr : &family.require_tokenizer();
}

}  // namespace

Request::Request(const Family& family, std::vector<TokenId> prompt, AskOptions options)
    : family_(family),
      options_(std::move(options)),
      generation_(family.impl().engine, family.impl().rules, std::move(prompt), family.impl().resolved(options_.plan),
                  checked_sampling(family, options_), options_.use_cache ? family.impl().snapshots_in_use() : nullptr),
      writer_(tokenizer_for(family.impl(), options_), options_.stop, end_tags(family.impl().rules), options_.on_text) {
  if (!generation_.output().empty()) {  // a budget of 0 has closed thinking before the first token is read
    const Place thought{0, generation_.plan().stages.front().size, Phase::thinking};
    count_written(thought);
    show_new(thought);
  }
  if (generation_.done()) end(generation_.end());
}

// The one that goes on, or a new one.
StageReport& Request::report(const Place& place, StageReport::Work work) {
  const std::string& size = family_.impl().engine.name_of(place.size);
  for (auto r = reports_.rbegin(); r != reports_.rend() && r->stage == int(place.stage); ++r)
    if (r->phase == place.phase && r->work == work && r->size == size) return *r;
  reports_.emplace_back();
  StageReport& fresh = reports_.back();
  fresh.stage = int(place.stage), fresh.size = size, fresh.work = work, fresh.phase = place.phase;
  return fresh;
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
  StageReport& first = report(place, generation_.reading() ? StageReport::Work::reading : StageReport::Work::writing);
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
  count_written(before);
  show_new(before);
  if (writer_.stopped())
    end(AnswerEnd::stop_text);
  else if (generation_.done())
    end(generation_.end());
}

void Request::count_written(const Place& writer) {
  const size_t written = generation_.output().size() - generation_.closing_put();
  report(writer, StageReport::Work::writing).tokens += int(written - counted_);
  counted_ = written;
}

// What was written since the last time is all of one phase. What may yet become the model's own opening tag is held
// back; the tag itself is no text.
void Request::show_new(const Place& writer) {
  if (generation_.may_open_thinking()) return;
  const std::string& size = family_.impl().engine.name_of(writer.size);
  const bool opened = generation_.opening_tokens() > shown_;
  const Phase phase = opened ? Phase::thinking : writer.phase;
  shown_ = std::max(shown_, generation_.opening_tokens());
  writer_.write(phase, size, generation_.output().subspan(shown_));
  shown_ = generation_.output().size();
  if (phase == Phase::thinking && generation_.phase() == Phase::answering) writer_.finish(phase, size);
}

void Request::end(AnswerEnd how) {
  end_ = how;
  const std::string& size = family_.impl().engine.name_of(generation_.size());
  if (generation_.may_open_thinking()) writer_.write(Phase::answering, size, generation_.output());
  writer_.finish(generation_.phase(), size);
  generation_.leave_snapshot();
  generation_.release();
}

void Request::fail(std::exception_ptr why) {
  error_ = std::move(why);
  end_ = AnswerEnd::cancelled;
  generation_.release();
}

Answer Request::answer() const {
  if (error_) std::rethrow_exception(error_);
  return {.thinking = writer_.thinking(),
          .answer = writer_.answer(),
          .ids = {generation_.output().begin(), generation_.output().end()},
          .thinking_tokens = int(generation_.thinking().size()),
          .think_end = generation_.think_end(),
          .end = end_.value_or(AnswerEnd::cancelled),
          .seconds_to_first_token = seconds_to_first_token_.value_or(0),
          .reused_tokens = reused_tokens_.value_or(0),
          .stages = reports_,
          .notices = generation_.notices()};
}

}  // namespace starnest
