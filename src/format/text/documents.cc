#include "format/text/documents.h"

#include <memory>
#include <utility>

#include "base/lines.h"
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
  explicit JsonlTexts(LineReader lines) : name_(lines.name()), reader_(std::move(lines)) {}

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
  explicit PlainTexts(LineReader lines) : lines_(std::move(lines)) {}

  std::optional<Text> next() override {
    Text text{lines_.name() + ", line " + std::to_string(lines_.number() + 1), "", ""};
    bool any = false, at_end = false;
    while (!at_end) {
      const std::optional<std::string> line = lines_.next();
      at_end = !line;
      if (at_end || *line == kEndOfText) {
        if (any) break;
        continue;  // two marks in a row
      }
      if (std::exchange(any, true)) text.completion += '\n';
      text.completion += *line;
    }
    // Blank lines alone are no text, nor are those at the end of a file.
    const size_t visible = text.completion.find_last_not_of('\n') + 1;
    if (at_end || visible == 0) text.completion.resize(visible);
    const bool is_document = any && (!at_end || visible > 0);
    return is_document ? std::optional(text) : std::nullopt;
  }

 private:
  LineReader lines_;
};

// Whether the first line of a file begins an object, or an array of them.
bool looks_like_json(const std::string& line) {
  constexpr const char* kSpace = " \t";
  const size_t first = line.find_first_not_of(kSpace);
  if (first == std::string::npos) return false;
  const size_t second = line.find_first_not_of(kSpace, first + 1);
  if (line[first] == '{') return second != std::string::npos && (line[second] == '"' || line[second] == '}');
  return line[first] == '[' && (second == std::string::npos || line[second] == '{');
}

std::unique_ptr<TextReader> open_texts(const std::filesystem::path& file) {
  LineReader lines(file);
  const std::string first = lines.peek().value_or("");  // throws for what is no text at all
  std::error_code ignored;
  const bool name_tells = file.has_extension() || std::filesystem::is_regular_file(file, ignored);
  if (name_tells ? is_json_lines_name(file) : looks_like_json(first))
    return std::make_unique<JsonlTexts>(std::move(lines));
  return std::make_unique<PlainTexts>(std::move(lines));
}

// Without ids when there is nothing to learn.
TokenDocument tokens_of(const Text& text, const Tokenizer& tokenizer, const DocumentSettings& settings) {
  const Tokenizer::EncodeOptions options{.add_special_tokens = false, .parse_special_tokens = true};
  const std::vector<TokenId> completion = tokenizer.encode(text.completion, options);
  if (completion.empty()) return {};
  TokenDocument document{tokenizer.encode(text.prompt, options), 0};
  document.completion_start = document.ids.size();
  document.ids.insert(document.ids.end(), completion.begin(), completion.end());
  if (settings.end) document.ids.push_back(*settings.end);
  return document;
}

}  // namespace

DocumentCounts& DocumentCounts::operator+=(const DocumentCounts& more) {
  documents += more.documents;
  tokens += more.tokens;
  bad += more.bad;
  empty += more.empty;
  return *this;
}

std::string empty_text(const DocumentCounts& counts) {
  if (counts.empty == 0) return "";
  return grouped(counts.empty) + (counts.empty == 1 ? " empty document is left out" : " empty documents are left out");
}

DocumentCounts read_documents(const std::filesystem::path& file, const Tokenizer& tokenizer,
                              const DocumentSettings& settings, const std::function<void(const std::string&)>& note,
                              const std::function<void(const TokenDocument&)>& each) {
  const std::unique_ptr<TextReader> reader = open_texts(file);
  DocumentCounts counts;
  std::string where;
  while (true) {
    TokenDocument document;
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
    if (document.ids.empty()) {
      ++counts.empty;
      continue;
    }
    counts.documents += 1;
    counts.tokens += document.ids.size();
    each(document);
  }
  if (counts.documents == 0)
    throw Error({.where = file.string(),
                 .what = "holds no document",
                 .got = counts.empty > 0 ? grouped(counts.empty) + " empty ones" : ""});
  return counts;
}

}  // namespace starnest
