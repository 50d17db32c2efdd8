// config.json of a Hugging Face model folder: a typed view with errors that name the key, and an editor that changes a
// few values and leaves the rest as it was written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starnest {

// The names under which generations of a config write one value; the first is the one to name in errors.
using KeyNames = std::initializer_list<std::string_view>;

// Copyable; copies are independent. Reading is safe from any thread.
class HfConfig {
 public:
  static HfConfig read(const std::filesystem::path& file);
  static HfConfig parse(std::string_view text, std::string where);
  HfConfig(const HfConfig&);
  HfConfig(HfConfig&&) noexcept;
  ~HfConfig();

  const std::string& where() const { return where_; }
  bool has(KeyNames names) const;  // present and not null
  // Present and neither null, false, empty nor this number.
  bool says_more_than(KeyNames names, double number) const;

  // Throws Error when no name is present, or the value has another type. Whole numbers must fit the range.
  int require_int(KeyNames names, int low = 0) const;
  // One number for all blocks, or a list with one per block.
  int require_block_int(KeyNames names, size_t block, size_t blocks, int low = 0) const;
  double require_number(KeyNames names) const;
  bool require_bool(KeyNames names) const;
  std::string require_string(KeyNames names) const;

  // nullopt when no name is present or the value is null; Error when it has another type.
  std::optional<int> find_int(KeyNames names) const;
  std::optional<double> find_number(KeyNames names) const;
  std::optional<bool> find_bool(KeyNames names) const;
  std::optional<std::string> find_string(KeyNames names) const;
  std::optional<std::vector<std::string>> find_strings(KeyNames names) const;
  std::optional<std::vector<double>> find_numbers(KeyNames names) const;  // accepts Infinity in every written form
  // A number or a list of numbers, as eos_token_id is written.
  std::vector<int> find_ints(KeyNames names) const;
  std::vector<std::vector<int>> find_int_lists(KeyNames names) const;  // a list, or a list of lists, of numbers

  std::optional<std::string> find_object(KeyNames names) const;  // as JSON text

  // Sets each of the names that is present; adds the first when none is. Every other byte of the text stays: other
  // programs read the config, too, and not all know every spelling of a number.
  void set(KeyNames names, int value);
  void set(KeyNames names, const std::vector<int>& value);
  void set(KeyNames names, const std::string& value);
  void set(KeyNames names, const std::vector<std::string>& value);
  void set_object(KeyNames names, std::string_view json);  // made by this program
  // Writes {"__float__": "Infinity"} (or NaN), which only transformers 5 understands, as the bare word that every
  // reader of such configs takes.
  void use_bare_floats();
  const std::string& text() const;

 private:
  struct Data;
  HfConfig(std::unique_ptr<Data> data, std::string where);
  int at_least(KeyNames names, int number, int low) const;

  std::unique_ptr<Data> data_;
  std::string where_;
};

// JSON that we made ourselves, laid out as config.json is: two-space indent, keys in their order.
std::string indented_json(std::string_view json);

}  // namespace starnest
