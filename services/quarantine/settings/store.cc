#include "services/quarantine/settings/store.h"

#include <set>

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"

namespace cleanmail::quarantine {
namespace {

constexpr int64_t kShortest = 3600;                     // seconds
constexpr int64_t kLongest = int64_t{365} * 24 * 3600;  // seconds

absl::StatusOr<v1::QuarantineSettings> Find(sql::Session& session, std::string_view tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT body, version FROM quarantine_settings WHERE tenant = :tenant",
                    {{"tenant", std::string(tenant)}}));
  v1::QuarantineSettings settings;
  std::string bytes;
  if (!rows.empty() &&
      (!absl::Base64Unescape(rows[0].Text(0), &bytes) || !settings.ParseFromString(bytes)))
    return absl::DataLossError("a row of quarantine_settings cannot be read");
  settings.set_name(base::Cat("tenants/", tenant, "/quarantineSettings"));
  settings.set_etag(rows.empty() ? "0" : std::to_string(rows[0].Int(1)));
  return settings;
}

absl::Status Check(const v1::QuarantineSettings& settings) {
  std::set<int> seen;
  for (int i = 0; i < settings.lives_size(); ++i) {
    const v1::HoldLife& life = settings.lives(i);
    const auto wrong = [i](std::string_view field, std::string_view why) {
      const std::string path = base::Cat("settings.lives[", i, "].", field);
      return rpc::WithField(absl::InvalidArgumentError(base::Cat(path, ": ", why)), path);
    };
    if (life.kind() == mail::v1::HOLD_KIND_UNSPECIFIED || !mail::v1::HoldKind_IsValid(life.kind()))
      return wrong("kind", "a kind was expected");
    if (!seen.insert(life.kind()).second) return wrong("kind", "each kind once");
    if (life.life().seconds() < kShortest || life.life().seconds() > kLongest)
      return wrong("life", "1 hour to 365 days");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::QuarantineSettings> Settings::Get(std::string_view tenant) {
  absl::StatusOr<v1::QuarantineSettings> found;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    found = Find(session, tenant);
    return found.status();
  }));
  return found;
}

absl::StatusOr<absl::Duration> Settings::LifeOf(std::string_view tenant, mail::v1::HoldKind kind) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::QuarantineSettings settings, Get(tenant));
  for (const v1::HoldLife& life : settings.lives()) {
    if (life.kind() == kind) return absl::Seconds(life.life().seconds());
  }
  const auto own = lives_.find(kind);
  return own == lives_.end() ? life_ : own->second;
}

absl::StatusOr<v1::QuarantineSettings> Settings::Set(std::string_view tenant,
                                                     const v1::QuarantineSettings& settings) {
  CLEANMAIL_RETURN_IF_ERROR(Check(settings));
  v1::QuarantineSettings after = settings;
  after.set_name(base::Cat("tenants/", tenant, "/quarantineSettings"));
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::QuarantineSettings before, Find(session, tenant));
    if (!settings.etag().empty() && settings.etag() != before.etag())
      return rpc::WithReason(absl::AbortedError("somebody has changed it since; read it again"),
                             "ETAG_MISMATCH");
    const int64_t version = std::stoll(before.etag()) + 1;
    after.set_etag(std::to_string(version));
    return session
        .Execute(
            "INSERT INTO quarantine_settings (tenant, body, version) VALUES (:tenant, :body, "
            ":version) ON CONFLICT (tenant) DO UPDATE SET body = excluded.body, version = "
            "excluded.version",
            {{"tenant", std::string(tenant)},
             {"body", absl::Base64Escape(after.SerializeAsString())},
             {"version", version}})
        .status();
  }));
  return after;
}

}  // namespace cleanmail::quarantine
