// Token ids of a corpus on disk, as Megatron-LM writes and reads them: PREFIX.bin holds the ids of all sequences one
// after another, PREFIX.idx says where each begins.
//
// PREFIX.idx, little-endian: "MMIDIDX\0\0"; u64 version = 1; u8 type of an id (1 u8, 2 i8, 3 i16, 4 i32, 5 i64, 8 u16);
// u64 n sequences; u64 m; i32[n] lengths in ids; i64[n] byte offsets in PREFIX.bin; i64[m] the first sequence of each
// document, and n. What may follow (modes of multimodal sequences) is ignored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/dims.h"
#include "base/file.h"
#include "base/output.h"

namespace starnest {

// Whether PREFIX.idx is there.
bool is_token_shard(const std::filesystem::path& prefix);

// What PREFIX.idx says, checked against the length of PREFIX.bin.
struct TokenShardIndex {
  int type = 0;                  // code of the type of an id, as above
  std::vector<int32_t> lengths;  // of the sequences, in ids
  std::vector<int64_t> offsets;  // of the sequences, in bytes
};
// `where` names the file in messages. Throws Error for a broken index.
TokenShardIndex parse_token_index(std::span<const std::byte> bytes, uint64_t bin_bytes, const std::string& where);

// Both files mapped; ids are converted when they are asked for. Immutable, safe from any thread.
class TokenShard {
 public:
  // Throws Error when a file cannot be read or the index is broken.
  explicit TokenShard(const std::filesystem::path& prefix);

  size_t sequences() const { return index_.lengths.size(); }
  size_t length(size_t sequence) const { return size_t(index_.lengths[sequence]); }
  uint64_t tokens() const;
  // Ids [first, first + out.size()) of a sequence. Throws Error for an id that is no TokenId (naming its place).
  void read(size_t sequence, size_t first, std::span<TokenId> out) const;

 private:
  MappedFile bin_;
  TokenShardIndex index_;
};

// Writes both files under temporary names; commit() gives them their names, PREFIX.idx last. PREFIX.lock is there
// meanwhile: an Error for a second writer. Not thread-safe. Every failure (disk full included) throws Error.
class TokenShardWriter {
 public:
  // Ids of `vocabulary` tokens: as u16 below 65,500, else as i32, as Megatron-LM chooses.
  TokenShardWriter(const std::filesystem::path& prefix, size_t vocabulary);

  void add(std::span<const TokenId> document);  // one sequence, which is a document
  void commit();

 private:
  MadeFolders folder_;
  FileLock lock_;  // of the pair: two writers would leave the ids of one and the index of the other
  AtomicFile bin_, idx_;
  bool wide_;
  std::vector<int32_t> lengths_;
  std::string pending_;
};

}  // namespace starnest
