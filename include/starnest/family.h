// An elastic model, opened: one copy of the weights, every size ready to run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "starnest/chat.h"
#include "starnest/error.h"
#include "starnest/plan.h"

namespace starnest {

using TokenId = int32_t;

struct SizeInfo {
  std::string name;
  uint64_t parameters = 0;
  uint64_t active_parameters = 0;  // used per token, the embedding included
  uint64_t bytes = 0;              // of its weights at their type in memory; those of smaller sizes lie inside
  uint64_t decode_bytes = 0;       // weights read per token at batch 1: tokens/s <= bandwidth / decode_bytes
};

// Of keys and values. fp8: E4M3, with the scales of the checkpoint where it was calibrated for them, else with 1.
enum class KvType { f32, bf16, fp8 };
KvType kv_type_named(std::string_view name);  // "f32", "bf16", "fp8"; throws Error

struct OpenOptions {
  std::string elastic = {};  // a file or preset to take the sizes from; empty: the folder's elastic.json
  int threads = 0;           // 0: as many as the process may use
  // Sizes to keep in memory; empty: all. {"auto"}: the largest that fits into free memory together with `sequences` of
  // `context` tokens (of 0: 4096), and all inside it; a notice says which. Error when not even the smallest fits.
  std::vector<std::string> sizes = {};
  int context = 0;    // tokens of prompt and output together; 0: what the model allows and memory holds
  int sequences = 1;  // at once, for which {"auto"} leaves room
  std::optional<KvType> kv_type = {};  // not given: F32 beside weights that are all F32, else BF16
  std::string device = "cpu";          // "cpu", or "ref": plain loops, slow, to check others against
  uint64_t kv_bytes = 0;               // of keys and values of all requests, with those of snapshots; 0: no limit
  uint64_t cache_bytes =
      uint64_t{1} << 30;  // for snapshots of what was read, least recently used dropped first; 0: none
  std::function<void(uint64_t done, uint64_t total)> progress = {};  // bytes read; may throw to cancel
};

// What was opened and how it runs.
struct FamilyInfo {
  std::string architecture;  // model_type of config.json
  std::string weight_dtype;  // "BF16"; of a mixed model all, most bytes first: "NVFP4, BF16"
  std::string kv_dtype;
  std::string kernel_path;  // what computes: the instruction set, e.g. "avx2", or "ref"
  int threads = 0;
  int context = 0;         // tokens in use; 0: no limit
  int model_context = 0;   // tokens the model was made for; 0: it does not say
  int memory_context = 0;  // tokens whose keys and values fitted beside the weights when it was opened
};

// How a model's prompts are written, as its folder says.
enum class PromptFormat {
  none,     // a plain text model: text as it stands
  unknown,  // the whole prompt as text only
  chat,     // a conversation
  task,     // of reasoning tasks: the last message alone, and an effort
};

class Engine;
class Tokenizer;
struct FamilySpec;

// Copies share one model. Sessions of one family must be used by one thread at a time.
class Family {
 public:
  // `model` is a folder, or ORG/NAME or ORG/NAME@REVISION in the local Hugging Face cache. Throws Error for what is not
  // a model, and for anything in it that does not fit together.
  static Family open(const std::filesystem::path& model, const OpenOptions& options = {});

  const std::vector<SizeInfo>& sizes() const;  // in memory, largest first
  uint64_t resident_bytes() const;             // of weights

  // Makes a larger size, and all smaller ones, resident by reading only what it adds, or gives back the memory of all
  // sizes larger than `name`. Not while a session is asked. Throws Error for an unknown name or no memory.
  void load(std::string_view name, const std::function<void(uint64_t done, uint64_t total)>& progress = {});
  void drop_above(std::string_view name);
  const std::vector<std::string>& notices() const;  // what a user should know about this model, a sentence each
  FamilyInfo info() const;
  const SizeInfo& size(std::string_view name) const;  // in memory; Error that suggests the nearest name
  // The sizes of elastic.json's default_plan, where the model thinks; else its largest for everything.
  Plan default_plan() const;
  // `plan` with the names of its stages filled in, checked. Throws Error for a plan that does not fit the model.
  Plan resolved(const Plan& plan) const;
  // Throws Error for a value out of range, naming the file where it is the folder's own.
  void check(const Sampling& sampling) const;
  bool thinks() const;                                            // whether thinking can be told from an answer
  bool opens_thinking(const std::vector<TokenId>& prompt) const;  // whether the reply to it begins with thinking

  // From generation_config.json: do_sample, temperature, top_k, top_p, min_p and the penalties. Greedy when do_sample
  // is not true or the file is absent; what the file does not say changes nothing. Values out of range are refused
  // where they are used.
  Sampling default_sampling() const;

  // Bytes per second of a plain read of 256 MiB by the family's threads, measured now in about a tenth of a second.
  // Throws Error when there is no such memory.
  double measure_bandwidth() const;
  static std::string kernel_path();  // of the device that is taken by default

  PromptFormat prompt_format() const;
  // The tokens of a question in the model's own prompt format; as it stands where there is none. Throws Error when the
  // folder has no tokenizer, or a format that is not known here.
  std::vector<TokenId> prompt(std::string_view question, const ChatOptions& options = {}) const;
  // A conversation, up to where the reply begins. The simple format of reasoning tasks takes the last message alone.
  // Throws Error as above, for roles that are not known, and for a plain text model.
  std::vector<TokenId> chat(const std::vector<ChatMessage>& messages, const ChatOptions& options = {}) const;
  // What follows a reply when everything so far stays as it is: the end of that turn, the next one of the user, and
  // where the next reply begins. Throws Error for a format without memory.
  std::vector<TokenId> chat_turn(std::string_view said, const ChatOptions& options = {}) const;
  void require_prompt_format() const;  // throws Error for a plain text model, and where none is known
  bool remembers() const { return prompt_format() == PromptFormat::chat; }  // more than the last message
  std::vector<TokenId> encode(std::string_view text) const;                 // as it stands
  std::string decode(const std::vector<TokenId>& ids) const;

  bool has_tokenizer() const;
  // For programs of this project, which may use more than the public headers. The tokenizer: Error where there is none.
  Engine& engine() const;
  const Tokenizer& tokenizer() const;
  const FamilySpec& spec() const;

  struct Impl;  // of generate/ alone
  Impl& impl() const { return *impl_; }

 private:
  explicit Family(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace starnest
