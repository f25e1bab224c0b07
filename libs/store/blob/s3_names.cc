#include "libs/store/blob/s3_names.h"

#include <algorithm>
#include <charconv>

#include "libs/base/cat.h"
#include "libs/base/uuid.h"
#include "libs/crypto/hash.h"

namespace cleanmail::blob {
namespace {

constexpr size_t kVersionDigit = 14;  // of a UUID in text
constexpr size_t kLongestPart = 120;  // file systems take 255 bytes, with holder and time behind it

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

std::string Part(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string part;
  for (const char c : text) {
    if (IsPlain(c)) {
      part += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      part += {'=', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return part.size() <= kLongestPart ? part : base::Cat("=", crypto::Sha256Hex(text));
}

// When a UUIDv7 was made.
std::optional<int64_t> MadeAt(std::string_view message) {
  if (!base::IsUuid(message) || message[kVersionDigit] != '7') return std::nullopt;
  const std::string digits = base::Cat(message.substr(0, 8), message.substr(9, 4));
  int64_t millis = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), millis, 16);
  return millis * 1000;
}

bool IsPart(std::string_view part) {
  return !part.empty() &&
         std::all_of(part.begin(), part.end(), [](char c) { return IsPlain(c) || c == '='; });
}

}  // namespace

std::string DayOf(int64_t micros) {
  return absl::FormatTime("%Y%m%d", absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

std::string PlaceOf(const BlobName& name) {
  const std::optional<int64_t> made = MadeAt(name.message);
  return base::Cat(made ? DayOf(*made) : kUntimed, "/", Part(name.tenant), "/", Part(name.message));
}

std::string BodyKeyOf(const BlobName& name) { return base::Cat(kBodies, PlaceOf(name)); }

std::string ExtensionPrefixOf(const BlobName& name) {
  return base::Cat(kExtensions, PlaceOf(name), ".");
}

std::string ExtensionKeyOf(const BlobName& name, std::string_view holder, int64_t until_us) {
  return base::Cat(ExtensionPrefixOf(name), Part(holder), ".", until_us);
}

std::optional<BodyPlace> ParseBodyKey(std::string_view key) {
  constexpr std::string_view kBegin = kBodies;
  if (!key.starts_with(kBegin)) return std::nullopt;
  key.remove_prefix(kBegin.size());
  const size_t first = key.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = key.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view message = key.substr(second + 1);
  if (!IsPart(key.substr(0, first)) || !IsPart(key.substr(first + 1, second - first - 1)) ||
      !IsPart(message))
    return std::nullopt;
  return BodyPlace{std::string(key.substr(0, first)), std::string(key), MadeAt(message)};
}

std::optional<Extension> ParseExtensionKey(std::string_view key) {
  constexpr std::string_view kBegin = kExtensions;
  if (!key.starts_with(kBegin)) return std::nullopt;
  key.remove_prefix(kBegin.size());
  const size_t last = key.rfind('.');
  const size_t first = key.find('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  Extension extension{.place = std::string(key.substr(0, first))};
  const auto [end, error] =
      std::from_chars(key.data() + last + 1, key.data() + key.size(), extension.until_us);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return extension;
}

}  // namespace cleanmail::blob
