// JSON lines: one JSON object per line, for data, logs and evaluation records. The JSON library stays inside format.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/lines.h"

namespace starnest {

class JsonPieces;  // private: format/json/json_pieces.h

// `text` with quotation marks and escapes; what is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

// Builds one line; keys keep the order in which they are set (each once). Numbers are written with the fewest digits
// that read back equal; NaN and infinities, which JSON lacks, as null; text that is not UTF-8 with U+FFFD.
//   JsonLine().set("step", 3).set("loss", JsonLine().set("12b", 2.5).set("30b", 2.25)).text()
class JsonLine {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  JsonLine& set(std::string_view key, Number value) {
    if constexpr (std::same_as<Number, bool>)
      return put(key, value ? "true" : "false");
    else if constexpr (std::floating_point<Number>)
      return put(key, number_text(double(value)));
    else
      return put(key, std::to_string(value));
  }
  JsonLine& set(std::string_view key, std::string_view text);
  JsonLine& set(std::string_view key, const char* text) { return set(key, std::string_view(text)); }
  JsonLine& set(std::string_view key, const std::string& text) { return set(key, std::string_view(text)); }
  JsonLine& set(std::string_view key, const JsonLine& object) { return put(key, object.text()); }
  JsonLine& set(std::string_view key, std::span<const double> numbers);
  JsonLine& set(std::string_view key, std::span<const std::string> texts);
  JsonLine& set(std::string_view key, std::span<const JsonLine> objects);

  std::string text() const { return "{" + body_ + "}"; }

 private:
  static std::string number_text(double value);
  JsonLine& put(std::string_view key, std::string_view json);

  std::string body_;
};

struct JsonField;

struct JsonValue {
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonField>;
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> value;
};

struct JsonField {
  std::string key;
  JsonValue value;
};

// One object read. Getters throw Error naming file, line and key when the key is absent or of another type; the find_
// forms return nothing when it is absent. Immutable.
class JsonRecord {
 public:
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::vector<std::string> keys() const;               // in the order of the file
  const std::string& where() const { return where_; }  // "train.jsonl:12", for messages of the caller

  double number(std::string_view key) const;  // any number; null is NaN
  int64_t integer(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  bool flag(std::string_view key) const;
  JsonRecord object(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<JsonRecord> objects(std::string_view key) const;

  std::optional<double> find_number(std::string_view key) const;
  std::optional<int64_t> find_integer(std::string_view key) const;
  std::optional<std::string> find_text(std::string_view key) const;
  std::optional<bool> find_flag(std::string_view key) const;
  std::optional<JsonRecord> find_object(std::string_view key) const;

 private:
  friend class JsonlReader;
  JsonRecord(JsonValue::Object fields, std::string where);
  const JsonValue* find(std::string_view key) const;
  const JsonValue& at(std::string_view key) const;
  template <class T>
  const T& get(const JsonValue& value, std::string_view key, const char* expected) const;
  const std::vector<JsonValue>& array(std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, const char* expected, const JsonValue& got) const;

  JsonValue::Object fields_;
  std::string where_;
};

// Whether a file holds JSON lines, by its name: .json, .jsonl or .ndjson, in any letter case.
bool is_json_lines_name(const std::filesystem::path& file);

// Reads object by object: one per line, or the elements of one array; a file being written may be read, and a pipe.
// What writers that are not strict leave is read as well: bare NaN and Infinity as numbers, an escape of half a
// surrogate pair as U+FFFD. Not thread-safe.
class JsonlReader {
 public:
  explicit JsonlReader(const std::filesystem::path& path);
  explicit JsonlReader(LineReader lines);
  ~JsonlReader();

  // The next object; empty lines are passed over. Nothing at the end, which is also a last line that was cut off (no
  // line end and not JSON). Throws Error naming file and line for what is not an object, for a key given twice, for
  // more than 16 levels and for a line above 64 MiB; may be called again after that.
  std::optional<JsonRecord> next();
  bool cut_off() const { return cut_off_; }  // whether such a last line was met

 private:
  std::unique_ptr<JsonPieces> pieces_;
  bool cut_off_ = false;
};

std::vector<JsonRecord> read_jsonl(const std::filesystem::path& path);

// Appends lines; each is handed to the system whole before write() returns, so that a killed program loses none. A file
// is locked while it is written: an Error for a second writer. Devices and pipes are written through. Not thread-safe.
class JsonlWriter {
 public:
  enum class Mode { replace, append };
  // append: keeps what the file holds, less a last line that a killed program left without its line end.
  JsonlWriter(const std::filesystem::path& path, Mode mode);
  ~JsonlWriter();
  JsonlWriter(JsonlWriter&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  JsonlWriter& operator=(JsonlWriter&&) = delete;

  void write(const JsonLine& line);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace starnest
