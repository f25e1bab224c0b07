#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/store/blob/blob_store.h"

// Where the chunks of a body stand in the spool, and what stands before their sealed bytes.
namespace cleanmail::blob {

inline constexpr size_t kSaltBytes = 16;
// Bodies whose message is named by a UUIDv7 sort by its time and come first; all others come from
// here on.
inline constexpr char kFirstUntimed[] = "~";

// InvalidArgument: a part is empty, longer than 255 bytes or holds a NUL.
absl::Status CheckName(const BlobName& name);

// All keys of a body, and no others, begin with its prefix. Extensions stand under prefix + holder.
std::string BodyPrefix(const BlobName& name);
// The smallest key behind all keys that begin with `prefix`.
std::string PrefixEnd(std::string prefix);
std::string ChunkKey(const BlobName& name, uint32_t number);
// The prefix in a chunk's key.
std::string_view BodyPrefixOf(std::string_view chunk_key);
bool IsTimeOrdered(std::string_view body_prefix);

// What stands before a chunk's sealed bytes. Time (when the writer was made) and salt are kept with
// the first only.
struct ChunkHead {
  bool last = false;
  bool first = false;
  int64_t time_us = 0;
  std::string_view salt = {};
};
std::string EncodeChunkHead(const ChunkHead& head);
// Takes the head off `value`; the salt lives as long as those bytes. DataLoss: it is no chunk of a
// version known here.
absl::StatusOr<ChunkHead> TakeChunkHead(std::string_view& value);

std::string EncodeMicros(int64_t micros);
// 0 when the bytes are no time.
int64_t DecodeMicros(std::string_view bytes);

}  // namespace cleanmail::blob
