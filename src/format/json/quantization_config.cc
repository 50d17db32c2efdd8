#include "format/json/quantization_config.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/source_file.h"
#include "base/text.h"
#include "format/json/hf_config.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kMixed = "MIXED_PRECISION";

struct Algorithm {
  std::string_view name;
  int bits;
  int group_size;  // 0: one scale for the tensor
  bool inputs;     // are quantised too
};
constexpr std::array kAlgorithms{Algorithm{kNvfp4Algorithm, 4, 16, true},
                                 Algorithm{kNvfp4WeightsAlgorithm, 4, 16, false}, Algorithm{kFp8Algorithm, 8, 0, true}};

const Algorithm* algorithm_named(std::string_view name) {
  const auto found =
      std::find_if(kAlgorithms.begin(), kAlgorithms.end(), [&](const auto& a) { return a.name == name; });
  return found == kAlgorithms.end() ? nullptr : &*found;
}

bool has_star(std::string_view pattern) { return pattern.find('*') != pattern.npos; }

// Whether `text` is the pattern, with any text for each of its stars. Goes back to the last star only, so the time is
// at most the product of the lengths.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

// "a.b" is within "a.b" and within "a".
bool is_within(std::string_view module, std::string_view outer) {
  return module.starts_with(outer) && (module.size() == outer.size() || module[outer.size()] == '.');
}

std::string clean_name(std::string name) {
  const size_t zero = name.find('\0');
  if (zero == name.npos) return name;
  const bool star = name.back() == '*';
  name.resize(zero);
  if (name.ends_with('.')) name.pop_back();
  return star ? name + '*' : name;
}

// Typed access to an object of the JSON.
struct Reader {
  const Json& object;
  const std::string& where;

  [[noreturn]] void wrong(const char* key, const char* expected, const Json& got) const {
    throw Error({.where = where,
                 .what = "key " + in_quotes(key) + " has the wrong type",
                 .expected = expected,
                 .got = got.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }
  const Json* find(const char* key) const {
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
  }
  std::string text(const char* key) const {
    const Json* value = find(key);
    if (!value) return {};
    if (!value->is_string()) wrong(key, "a string", *value);
    return value->get<std::string>();
  }
  const Json* object_at(const char* key) const {
    const Json* value = find(key);
    if (value && !value->is_object()) wrong(key, "an object", *value);
    return value;
  }
  std::vector<std::string> names(const char* key) const {
    std::vector<std::string> names;
    const Json* value = find(key);
    if (!value) return names;
    if (!value->is_array()) wrong(key, "a list of names", *value);
    for (const Json& name : *value) {
      if (!name.is_string()) wrong(key, "a list of names", *value);
      names.push_back(clean_name(name.get<std::string>()));
    }
    return names;
  }
};

std::map<std::string, std::string> read_layers(const Reader& from) {
  std::map<std::string, std::string> layers;
  const Json* all = from.object_at("quantized_layers");
  if (!all) return layers;
  for (const auto& [name, layer] : all->items()) {
    if (!layer.is_object()) from.wrong("quantized_layers", "an object for each module", layer);
    layers[clean_name(name)] = Reader{layer, from.where}.text("quant_algo");
  }
  return layers;
}

std::string read_kv_cache(const Reader& from) {
  if (from.find("kv_cache_quant_algo")) return from.text("kv_cache_quant_algo");
  const Json* scheme = from.object_at("kv_cache_scheme");
  const Json nothing;
  const bool fp8 = scheme && scheme->value("type", nothing) == "float" && scheme->value("num_bits", nothing) == 8;
  return std::string(fp8 ? kFp8Algorithm : "");
}

// Only quantization_config says it: a group of 8 bits without activations.
bool read_fp8_inputs(const Reader& from) {
  const Json* groups = from.object_at("config_groups");
  if (!groups) return true;
  return std::none_of(groups->begin(), groups->end(), [&](const Json& group) {
    if (!group.is_object()) from.wrong("config_groups", "an object for each group", group);
    const Json* weights = Reader{group, from.where}.object_at("weights");
    return weights && weights->value("num_bits", Json()) == 8 && !group.contains("input_activations");
  });
}

Json numbers_of(const Algorithm& algorithm) {
  Json numbers{{"dynamic", false}, {"num_bits", algorithm.bits}, {"type", "float"}};
  if (algorithm.group_size) numbers["group_size"] = algorithm.group_size;
  return numbers;
}

void add_group(Json& groups, const QuantizationConfig& config, std::string_view name, Json targets) {
  const Algorithm* algorithm = algorithm_named(name);
  if (!algorithm) return;
  const bool inputs = algorithm->inputs && (name != kFp8Algorithm || config.fp8_inputs);
  Json group = Json::object();
  if (inputs) group["input_activations"] = numbers_of(*algorithm);
  group["weights"] = numbers_of(*algorithm);
  group["targets"] = std::move(targets);
  groups["group_" + std::to_string(groups.size())] = std::move(group);
}

Json groups_of(const QuantizationConfig& config) {
  Json groups = Json::object();
  if (!config.mixed()) {
    add_group(groups, config, config.algorithm, Json::array({"Linear"}));
    return groups;
  }
  std::map<std::string, Json> targets;
  for (const auto& [module, algorithm] : config.layers) targets[algorithm].push_back(module);
  for (auto& [algorithm, modules] : targets) add_group(groups, config, algorithm, std::move(modules));
  return groups;
}

Json layers_of(const QuantizationConfig& config) {
  Json layers = Json::object();
  for (const auto& [module, name] : config.layers) {
    Json& layer = layers[module] = {{"quant_algo", name}};
    const Algorithm* algorithm = algorithm_named(name);
    if (algorithm && algorithm->group_size) layer["group_size"] = algorithm->group_size;
  }
  return layers;
}

std::string text_of(const Json& json) { return json.dump(4, ' ', false, Json::error_handler_t::replace); }

// The names of the modules that an entry is about, as they are in the slice.
std::vector<std::string> renamed_entry(const std::string& entry, const std::map<std::string, std::string>& kept) {
  std::vector<std::string> names;
  if (has_star(entry)) {
    for (const auto& [old_name, new_name] : kept)
      if (matches(entry, old_name)) names.push_back(new_name);
    return names;
  }
  auto found = kept.find(entry);
  if (found == kept.end()) found = kept.lower_bound(entry + ".");
  if (found == kept.end() || !is_within(found->first, entry)) return names;
  const size_t below = found->first.size() - entry.size();
  names.push_back(found->second.substr(0, found->second.size() - below));
  return names;
}

}  // namespace

std::string QuantizationConfig::algorithm_of(std::string_view module) const {
  if (!mixed()) {
    const bool plain = std::any_of(excluded.begin(), excluded.end(), [&](const std::string& entry) {
      return has_star(entry) ? matches(entry, module) : is_within(module, entry);
    });
    return plain ? "" : algorithm;
  }
  for (std::string outer(module);; outer.resize(outer.rfind('.'))) {
    const auto layer = layers.find(outer);
    if (layer != layers.end()) return layer->second;
    if (outer.rfind('.') == outer.npos) return {};
  }
}

QuantizationConfig QuantizationConfig::renamed(const std::map<std::string, std::string>& kept) const {
  QuantizationConfig out = *this;
  const bool same_names = std::all_of(kept.begin(), kept.end(), [](const auto& e) { return e.first == e.second; });
  std::set<std::string> names;
  for (const std::string& entry : excluded) {
    std::vector<std::string> found = renamed_entry(entry, kept);
    // A pattern written for old numbers may match others that are new.
    if (!found.empty() && same_names) found = {entry};
    names.insert(found.begin(), found.end());
  }
  out.excluded.assign(names.begin(), names.end());
  out.layers.clear();
  for (const auto& [entry, layer] : layers)
    for (const std::string& name : renamed_entry(entry, kept)) out.layers.emplace(name, layer);
  return out;
}

QuantizationConfig parse_quantization(std::string_view json, const std::string& where) {
  const Json root = parse_json(json, where);
  if (!root.is_object()) throw Error(where, "is not a JSON object");
  const Reader outer{root, where};
  const Json* inner = outer.object_at("quantization");
  const Reader from{inner ? *inner : root, where};
  QuantizationConfig config;
  if (outer.find("quant_method")) config.method = outer.text("quant_method");
  if (config.method != kModelOptMethod) return config;
  if (const Json* producer = outer.object_at("producer")) {
    config.producer = Reader{*producer, where}.text("name");
    config.producer_version = Reader{*producer, where}.text("version");
  }
  config.algorithm = from.text("quant_algo");
  if (config.algorithm == kMixed) config.algorithm.clear();
  config.kv_cache = read_kv_cache(from);
  config.fp8_inputs = read_fp8_inputs(from);
  if (config.mixed())
    config.layers = read_layers(from);
  else
    config.excluded = from.names(from.find("exclude_modules") ? "exclude_modules" : "ignore");
  return config;
}

std::optional<QuantizationConfig> read_quantization(const std::filesystem::path& folder) {
  if (is_there(folder / "config.json")) {
    const HfConfig config = HfConfig::read(folder / "config.json");
    const std::string where = config.where() + ": " + std::string(kQuantizationKey);
    if (const auto object = config.find_object({kQuantizationKey})) return parse_quantization(*object, where);
  }
  const std::filesystem::path file = folder / kHfQuantConfig;
  if (!is_there(file)) return std::nullopt;
  return parse_quantization(read_text(file, kMaxConfigBytes), file.string());
}

std::string write_hf_quant_config(const QuantizationConfig& config) {
  Json inner{{"quant_algo", config.mixed() ? std::string(kMixed) : config.algorithm}};
  inner["kv_cache_quant_algo"] = config.kv_cache.empty() ? Json() : Json(config.kv_cache);
  const Algorithm* algorithm = algorithm_named(config.algorithm);
  if (algorithm && algorithm->group_size) inner["group_size"] = algorithm->group_size;
  if (config.mixed())
    inner["quantized_layers"] = layers_of(config);
  else
    inner["exclude_modules"] = config.excluded;
  const Json root{{"producer", {{"name", config.producer}, {"version", config.producer_version}}},
                  {"quantization", std::move(inner)}};
  return text_of(root) + "\n";
}

std::string write_quantization_config(const QuantizationConfig& config) {
  Json root{{"config_groups", groups_of(config)}};
  if (config.mixed()) root["quantized_layers"] = layers_of(config);
  root["ignore"] = config.excluded;
  root["quant_algo"] = config.mixed() ? std::string(kMixed) : config.algorithm;
  if (config.kv_cache == kFp8Algorithm)
    root["kv_cache_scheme"] = {{"dynamic", false}, {"num_bits", 8}, {"type", "float"}};
  root["producer"] = {{"name", config.producer}, {"version", config.producer_version}};
  root["quant_method"] = config.method;
  return text_of(root);
}

}  // namespace starnest
