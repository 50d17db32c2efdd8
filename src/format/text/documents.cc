#include "format/text/documents.h"

#include <fstream>
#include <memory>
#include <utility>

#include "base/text.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kEndOfText = "<|endoftext|>";

struct Text {
  std::string where, prompt, completion;
};

class TextReader {
 public:
  virtual ~TextReader() = default;
  virtual std::optional<Text> next() = 0;  // throws Error for one bad document; may be called again
};

class JsonlTexts : public TextReader {
 public:
  explicit JsonlTexts(const std::filesystem::path& file) : name_(file.string()), reader_(file) {}

  std::optional<Text> next() override {
    const std::optional<JsonRecord> record = reader_.next();
    if (!record && reader_.cut_off() && !std::exchange(told_, true)) throw Error(name_, "the last line is cut off");
    if (!record) return std::nullopt;
    if (record->has("text")) return Text{record->where(), "", record->text("text")};
    if (record->has("prompt") && record->has("completion"))
      return Text{record->where(), record->text("prompt"), record->text("completion")};
    throw Error({.where = record->where(),
                 .what = "has no text to learn",
                 .expected = "\"text\", or \"prompt\" and \"completion\"",
                 .got = "the keys " + join(record->keys(), ", ")});
  }

 private:
  std::string name_;
  JsonlReader reader_;
  bool told_ = false;  // that the last line is cut off
};

class PlainTexts : public TextReader {
 public:
  explicit PlainTexts(const std::filesystem::path& file) : name_(file.string()), stream_(file, std::ios::binary) {
    if (!stream_) throw Error(name_, "cannot be read");
  }

  std::optional<Text> next() override {
    Text text{name_ + ", line " + std::to_string(line_ + 1), "", ""};
    bool any = false;
    for (std::string line; std::getline(stream_, line);) {
      ++line_;
      if (line == kEndOfText) {
        if (any) return text;
        continue;  // two in a row
      }
      if (any) text.completion += '\n';
      text.completion += line;
      any = true;
    }
    return any ? std::optional(text) : std::nullopt;
  }

 private:
  std::string name_;
  std::ifstream stream_;
  size_t line_ = 0;
};

TokenDocument tokens_of(const Text& text, const Tokenizer& tokenizer, const DocumentSettings& settings) {
  const Tokenizer::EncodeOptions options{.add_special_tokens = false, .parse_special_tokens = true};
  TokenDocument document{tokenizer.encode(text.prompt, options), 0};
  document.completion_start = document.ids.size();
  const std::vector<TokenId> completion = tokenizer.encode(text.completion, options);
  document.ids.insert(document.ids.end(), completion.begin(), completion.end());
  if (completion.empty()) throw Error(text.where, "has no text to learn");
  if (settings.end) document.ids.push_back(*settings.end);
  return document;
}

}  // namespace

DocumentCounts read_documents(const std::filesystem::path& file, const Tokenizer& tokenizer,
                              const DocumentSettings& settings, const std::function<void(const std::string&)>& note,
                              const std::function<void(const TokenDocument&)>& each) {
  std::unique_ptr<TextReader> reader;
  if (file.extension() == ".jsonl")
    reader = std::make_unique<JsonlTexts>(file);
  else
    reader = std::make_unique<PlainTexts>(file);
  DocumentCounts counts;
  std::string where;
  while (true) {
    std::optional<TokenDocument> document;
    try {
      where.clear();
      const std::optional<Text> text = reader->next();
      if (!text) break;
      where = text->where + ": ";
      document = tokens_of(*text, tokenizer, settings);
    } catch (const Error& error) {
      const std::string what = std::string(error.what()).starts_with(where) ? error.what() : where + error.what();
      if (++counts.bad > settings.most_bad)
        throw Error({.where = file.string(),
                     .what = "has too many bad documents",
                     .expected = "at most " + grouped(settings.most_bad),
                     .got = what.substr(0, what.find_last_not_of('.') + 1)});
      note("left out: " + what);
      continue;
    }
    counts.documents += 1;
    counts.tokens += document->ids.size();
    each(*document);
  }
  if (counts.documents == 0) throw Error(file.string(), "holds no document");
  return counts;
}

}  // namespace starnest
