#include "format/weights/sha256.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/output.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr const char* kManifest = "SHA256SUMS";

EVP_MD_CTX* as_context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

std::vector<std::string> regular_files(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == kManifest || name.ends_with(".tmp")) continue;
    if (name.find_first_of("\n\r\\") != name.npos)
      throw Error(entry.path().string(), "this name has no place in SHA256SUMS");
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

void Sha256::Free::operator()(void* context) const { EVP_MD_CTX_free(as_context(context)); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  SN_CHECK(context_ && EVP_DigestInit_ex(as_context(context_.get()), EVP_sha256(), nullptr) == 1,
           "OpenSSL lacks SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  SN_CHECK(EVP_DigestUpdate(as_context(context_.get()), bytes.data(), bytes.size()) == 1, "SHA-256 update failed");
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  SN_CHECK(EVP_DigestFinal_ex(as_context(context_.get()), digest.data(), &length) == 1, "SHA-256 final failed");
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

// Read in pieces, not mapped: a shard of any length stays out of memory.
std::string sha256_hex_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<char> piece(size_t{1} << 20);
  Sha256 digest;
  while (in.read(piece.data(), std::streamsize(piece.size())) || in.gcount() > 0)
    digest.update(std::as_bytes(std::span(piece.data(), size_t(in.gcount()))));
  if (!in.eof()) throw Error(file.string(), "cannot be read");
  return digest.hex();
}

void write_sha256sums(const std::filesystem::path& folder) {
  std::string manifest;
  try {
    for (const std::string& name : regular_files(folder))
      manifest += sha256_hex_of_file(folder / name) + "  " + name + "\n";
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(folder.string(), "cannot list the folder (" + error.code().message() + ")");
  }
  write_text(folder / kManifest, manifest);
}

}  // namespace starnest
