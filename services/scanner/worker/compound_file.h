#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::scanner::worker {

// A reader of compound files ([MS-CFB]): the older Office documents, encrypted newer ones,
// Outlook's messages, Windows' installers. Total over any bytes; every chain is followed at most
// once round. Positions in the bytes given, which must outlive it.
class CompoundFile {
 public:
  struct Entry {
    std::string path;  // storages and name joined by '/', in UTF-8
    bool storage = false;
    uint32_t start = 0;
    uint64_t size = 0;
  };

  // InvalidArgument: no compound file, or its tables lead nowhere.
  static absl::StatusOr<CompoundFile> Open(std::string_view bytes);

  // In the order of the directory; at most 10,000.
  const std::vector<Entry>& entries() const { return entries_; }
  // The first `most` bytes of a stream; what a broken chain leaves of it.
  std::string Read(const Entry& entry, size_t most) const;

 private:
  struct Item;
  CompoundFile() = default;
  bool ReadTables();
  void ReadDirectory();
  void Walk(const std::vector<Item>& items, uint32_t root, const std::string& path);
  std::string_view Sector(uint32_t number) const;
  std::string ReadChain(uint32_t start, size_t most) const;

  std::string_view bytes_;
  size_t sector_ = 512;
  uint32_t small_below_ = 4096;  // shorter streams lie in the small sectors
  std::vector<uint32_t> table_;
  std::vector<uint32_t> small_table_;
  std::string small_;  // the stream of small sectors
  std::vector<Entry> entries_;
};

}  // namespace cleanmail::scanner::worker
