#include "libs/outbox/lease.h"

#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"

namespace cleanmail::outbox {
namespace {

std::string NewHolder() {
  base::SystemRandom random;
  return base::NewUuid(base::SystemClock(), random);
}

}  // namespace

Lease::Lease(sql::Database& database) : database_(database), me_(NewHolder()) {}

absl::StatusOr<bool> Lease::Hold() {
  const Time now = std::chrono::steady_clock::now();
  if (now < renew_at_ && held()) return true;
  bool mine = false;
  const absl::Status asked = database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(mine, Ask(session));
    return absl::OkStatus();
  });
  // Another was quicker.
  if (absl::IsAlreadyExists(asked)) return false;
  CLEANMAIL_RETURN_IF_ERROR(asked);
  held_until_ = mine ? now + kTrusted : Time{};
  renew_at_ = now + kRenewInterval;
  return mine && held();
}

absl::StatusOr<bool> Lease::Ask(sql::Session& session) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT holder, beat FROM outbox_lease WHERE name = 'relay'"));
  if (rows.empty()) {
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO outbox_lease (name, holder, beat) VALUES ('relay', :me, 1)",
                     {{"me", me_}})
            .status());
    return true;
  }
  const std::string& holder = rows[0].Text(0);
  const int64_t beat = rows[0].Int(1);
  if (holder != me_) {
    const Time now = std::chrono::steady_clock::now();
    if (holder != seen_holder_ || beat != seen_beat_) {
      seen_holder_ = holder;
      seen_beat_ = beat;
      seen_since_ = now;
    }
    if (now - seen_since_ < kSilence) return false;
  }
  CLEANMAIL_RETURN_IF_ERROR(
      session
          .Execute("UPDATE outbox_lease SET holder = :me, beat = :beat WHERE name = 'relay'",
                   {{"me", me_}, {"beat", beat + 1}})
          .status());
  return true;
}

void Lease::Release() {
  if (!held()) return;
  held_until_ = Time{};
  (void)database_.Transact([this](sql::Session& session) {
    return session.Execute("DELETE FROM outbox_lease WHERE holder = :me", {{"me", me_}}).status();
  });
}

}  // namespace cleanmail::outbox
