#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/store/blob/blob_store.h"

// How bodies and what is noted of them are named in a bucket. Parts of names are escaped: letters,
// digits,
// '-' and '_' stand for themselves, all else is `=XX`; what gets too long is its hash.
namespace cleanmail::blob {

inline constexpr char kBodies[] = "bodies/";
inline constexpr char kExtensions[] = "until/";
inline constexpr char kUntimed[] = "untimed";

// "20261122", the day of UTC.
std::string DayOf(int64_t micros);

// "20261122/acme/0190b6a2-…": the day the message's UUIDv7 says, or "untimed". Stands behind
// kBodies and kExtensions.
std::string PlaceOf(const BlobName& name);
std::string BodyKeyOf(const BlobName& name);
// "until/" + place + ".holder.micros": the time stands in the name, so a listing tells all and
// nothing is read before it is changed.
std::string ExtensionKeyOf(const BlobName& name, std::string_view holder, int64_t until_us);
// All extensions of a body, and no others, begin with it.
std::string ExtensionPrefixOf(const BlobName& name);

struct BodyPlace {
  std::string day;
  std::string place;                    // day/tenant/message
  std::optional<int64_t> made_us = {};  // none: look into the body
};
// nullopt: not a name BodyKeyOf makes.
std::optional<BodyPlace> ParseBodyKey(std::string_view key);

struct Extension {
  std::string place;
  int64_t until_us = 0;
};
std::optional<Extension> ParseExtensionKey(std::string_view key);

}  // namespace cleanmail::blob
