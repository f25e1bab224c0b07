#include "libs/store/blob/blob_layout.h"

#include "libs/base/cat.h"
#include "libs/base/uuid.h"

namespace cleanmail::blob {
namespace {

constexpr char kVersion = 1;
constexpr unsigned char kLast = 1, kFirst = 2;
constexpr size_t kTimeBytes = 8;
constexpr size_t kNameBytes = 255;
constexpr size_t kVersionDigit = 14;  // of a UUID in text

bool IsTimed(std::string_view message) {
  return base::IsUuid(message) && message[kVersionDigit] == '7';
}

absl::Status CheckPart(std::string_view part, std::string_view what) {
  if (!part.empty() && part.size() <= kNameBytes && part.find('\0') == std::string_view::npos)
    return absl::OkStatus();
  return absl::InvalidArgumentError(base::Cat("blobs: not a ", what, "'s id"));
}

}  // namespace

absl::Status CheckName(const BlobName& name) {
  absl::Status status = CheckPart(name.tenant, "tenant");
  status.Update(CheckPart(name.message, "message"));
  return status;
}

std::string BodyPrefix(const BlobName& name) {
  std::string prefix;
  prefix.reserve(name.message.size() + name.tenant.size() + 8);
  if (!IsTimed(name.message)) prefix.append(kFirstUntimed);
  prefix.append(name.message).push_back('\0');
  prefix.append(name.tenant).push_back('\0');
  return prefix;
}

std::string PrefixEnd(std::string prefix) {
  prefix.back() = '\1';  // a prefix ends with NUL
  return prefix;
}

std::string ChunkKey(const BlobName& name, uint32_t number) {
  std::string key = BodyPrefix(name);
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

std::string_view BodyPrefixOf(std::string_view chunk_key) {
  return chunk_key.substr(0, chunk_key.size() - 4);
}

bool IsTimeOrdered(std::string_view body_prefix) { return !body_prefix.starts_with(kFirstUntimed); }

std::string EncodeMicros(int64_t micros) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(micros) >> shift));
  return bytes;
}

int64_t DecodeMicros(std::string_view bytes) {
  if (bytes.size() != kTimeBytes) return 0;
  uint64_t micros = 0;
  for (const char c : bytes) micros = micros << 8 | static_cast<unsigned char>(c);
  return static_cast<int64_t>(micros);
}

std::string EncodeChunkHead(const ChunkHead& head) {
  std::string bytes(1, kVersion);
  bytes.push_back(static_cast<char>((head.last ? kLast : 0) | (head.first ? kFirst : 0)));
  if (head.first) bytes.append(EncodeMicros(head.time_us)).append(head.salt);
  return bytes;
}

absl::StatusOr<ChunkHead> TakeChunkHead(std::string_view& value) {
  if (value.size() < 2 || value[0] != kVersion ||
      (static_cast<unsigned char>(value[1]) & ~(kLast | kFirst)) != 0) {
    return absl::DataLossError("not a chunk this version can read");
  }
  ChunkHead head{.last = (value[1] & kLast) != 0, .first = (value[1] & kFirst) != 0};
  value.remove_prefix(2);
  if (!head.first) return head;
  if (value.size() < kTimeBytes + kSaltBytes)
    return absl::DataLossError("a body's first chunk is cut short");
  head.time_us = DecodeMicros(value.substr(0, kTimeBytes));
  head.salt = value.substr(kTimeBytes, kSaltBytes);
  value.remove_prefix(kTimeBytes + kSaltBytes);
  return head;
}

}  // namespace cleanmail::blob
