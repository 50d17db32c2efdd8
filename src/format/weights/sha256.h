// SHA-256 of bytes and files, and the manifest that `sha256sum -c` reads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace starnest {

// A digest in progress. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }
  std::string hex();  // 64 lower-case digits; ends the digest: the object is not used again

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex_of_file(const std::filesystem::path& file);  // read in chunks

// Writes <folder>/SHA256SUMS, one "<hex>  <name>" line per regular file directly in `folder`, sorted by name; itself
// and unfinished "*.tmp" files left out. Throws Error for a name that the format cannot hold (newline, backslash).
void write_sha256sums(const std::filesystem::path& folder);

}  // namespace starnest
