#include "services/provisioning/snapshots.h"

#include <charconv>
#include <vector>

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/crypto/sealing.h"
#include "services/provisioning/writing.h"

namespace cleanmail::provisioning {
namespace {

constexpr int32_t kPage = 5000;

// Where a page begins: "POSITION KIND NAME". The position is read before the first row, so that
// following from it misses nothing.
struct Key {
  int64_t position = 0;
  Kind kind = Kind::kPartner;
  std::string after;
};

absl::StatusOr<Key> ParseKey(std::string_view text) {
  const absl::Status refusal =
      absl::InvalidArgumentError("page_token: not a token this service gave out");
  Key key;
  int kind = 0;
  const char* const end = text.data() + text.size();
  const auto position = std::from_chars(text.data(), end, key.position);
  if (position.ec != std::errc() || position.ptr == end || *position.ptr != ' ') return refusal;
  const auto parsed = std::from_chars(position.ptr + 1, end, kind);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ' ') return refusal;
  if (kind < 0 || kind > static_cast<int>(Kind::kObserved)) return refusal;
  key.kind = static_cast<Kind>(kind);
  key.after = std::string(parsed.ptr + 1, end);
  return key;
}

template <class T, class Field>
absl::Status Put(const Resource& row, Field* field) {
  CLEANMAIL_ASSIGN_OR_RETURN(*field->Add(), FromRow<T>(row));
  (*field)[field->size() - 1].clear_etag();
  return absl::OkStatus();
}

absl::Status Add(const Resource& row, v1::SnapshotResponse& content) {
  switch (row.kind) {
    case Kind::kPartner:
      return Put<v1::Partner>(row, content.mutable_partners());
    case Kind::kTenant:
      return Put<v1::Tenant>(row, content.mutable_tenants());
    case Kind::kDomain:
      return Put<v1::Domain>(row, content.mutable_domains());
    case Kind::kUser:
      return Put<v1::User>(row, content.mutable_users());
    case Kind::kGroup:
      return Put<v1::Group>(row, content.mutable_groups());
    case Kind::kRoute:
      return Put<v1::Route>(row, content.mutable_routes());
    case Kind::kObserved:
      return Put<v1::ObservedAddress>(row, content.mutable_observed_addresses());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Snapshots::Part> Snapshots::Read(std::string_view text) {
  Key key;
  if (text.empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        key.position, bus_.NewestPosition(bus::TopicOf(*v1::DirectoryChanged::descriptor()).name));
  } else {
    CLEANMAIL_ASSIGN_OR_RETURN(key, ParseKey(text));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> rows,
                             store_.ListAll(key.kind, key.after, kPage));
  Part part;
  for (const Resource& row : rows) CLEANMAIL_RETURN_IF_ERROR(Add(row, part.content));
  part.content.set_position(key.position);
  if (static_cast<int32_t>(rows.size()) == kPage) {
    part.next_key =
        base::Cat(key.position, " ", static_cast<int>(rows.back().kind), " ", rows.back().name);
  }
  return part;
}

absl::StatusOr<std::string> Snapshots::TenantKey(std::string_view tenant) {
  const std::string context = base::Cat("tenant-key/", tenant);
  const std::string wrapped = crypto::Wrap(random_, master_key_, crypto::NewKey(random_), context);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string kept,
                             store_.WrappedKey(tenant, absl::Base64Escape(wrapped)));
  std::string bytes;
  if (!absl::Base64Unescape(kept, &bytes))
    return absl::DataLossError(base::Cat("the key of tenant ", tenant, " is not base64"));
  return crypto::Unwrap(master_key_, bytes, context);
}

}  // namespace cleanmail::provisioning
