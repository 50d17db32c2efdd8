#include "train/run/input_content.h"

#include "format/text/token_shards.h"
#include "format/weights/fingerprint.h"
#include "format/weights/model_location.h"
#include "format/weights/sha256.h"

namespace starnest::train {
namespace {

constexpr const char* kContent = "content ";

std::string content(const std::string& fingerprint) { return kContent + fingerprint.substr(0, 32); }

}  // namespace

std::string file_content(const std::filesystem::path& file) { return content(fingerprint(file)); }

std::string corpus_content(const std::string& file) {
  if (!is_token_shard(file)) return file_content(file);
  return content(fingerprint(std::vector<std::filesystem::path>{file + ".bin", file + ".idx"}));
}

std::string model_content(const std::string& folder) {
  if (folder.empty()) return {};
  const ModelFingerprint model = model_fingerprint(find_model(folder), "");
  const std::string all = model.config + model.text + model.weights;
  return content(sha256_hex(std::as_bytes(std::span(all))));
}

bool holds_content(const std::string& line) {
  const size_t equals = line.find(" = ");
  return equals != line.npos && line.compare(equals + 3, std::string(kContent).size(), kContent) == 0;
}

}  // namespace starnest::train
