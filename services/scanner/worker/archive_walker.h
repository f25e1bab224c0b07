#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace cleanmail::scanner::worker {

// What may still be unpacked for a message, all its archives together; counted down.
struct ArchiveBudget {
  int files_left = 1000;
  int64_t file_bytes = 25 << 20;
  int64_t bytes_left = 100 << 20;
  int ratio = 250;
  absl::Time deadline = absl::InfiniteFuture();
};

// One file of an archive.
struct ArchivedFile {
  std::string name;  // as the archive has it, folders and all; hostile, never a path to us
  std::string bytes;
  bool encrypted = false;  // without a password that opens it `bytes` is empty
  bool cut = false;        // longer than the budget's file_bytes: `bytes` is its beginning
};

// How a walk ended. Sentences for people; empty when there is nothing to say.
struct WalkResult {
  std::string limit = {};   // why not everything was looked at
  std::string broken = {};  // what libarchive says of an archive it cannot read
  bool encrypted = false;   // some file, or the list of files, is
  bool opened = false;      // some encrypted file could be read with one of the passwords
};

// Unpacks an archive or compressed file in memory, file by file, and hands each to `visit`; nothing
// touches a disk, and names mean nothing. `name` is the archive's own. Total over any bytes.
WalkResult WalkArchive(std::string_view bytes, std::string_view name,
                       std::span<const std::string> passwords, ArchiveBudget& budget,
                       const std::function<void(const ArchivedFile&)>& visit);

}  // namespace cleanmail::scanner::worker
