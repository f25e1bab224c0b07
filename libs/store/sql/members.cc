#include "libs/store/sql/members.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"

namespace cleanmail::sql {

const std::string_view kMembersMigration = R"sql(
CREATE TABLE members (
  member TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  beat BIGINT NOT NULL
);
)sql";

absl::StatusOr<std::unique_ptr<Members>> Members::Join(Database& database,
                                                       const base::Clock& steady,
                                                       base::Random& random,
                                                       MembersOptions options) {
  std::unique_ptr<Members> members(new Members(database, steady, random, std::move(options)));
  CLEANMAIL_RETURN_IF_ERROR(members->Rejoin());
  return members;
}

std::string Members::self() const {
  const absl::MutexLock lock(&mutex_);
  return self_;
}

bool Members::Holds(std::string_view member) const {
  const absl::MutexLock lock(&mutex_);
  // Others count from when they saw the beat, which is later than its begin.
  return member == self_ && steady_.Now() - beaten_ < options_.patience;
}

absl::Status Members::Rejoin() {
  const absl::Time begin = steady_.Now();
  const std::string self =
      base::Cat(options_.instance, "#", base::NewUuid(steady_, random_).substr(24));
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](Session& session) {
    return session
        .Execute("INSERT INTO members (member, instance, beat) VALUES (:member, :instance, 0)",
                 {{"member", self}, {"instance", options_.instance}})
        .status();
  }));
  const absl::MutexLock lock(&mutex_);
  self_ = self;
  beaten_ = begin;
  return absl::OkStatus();
}

absl::Status Members::Beat() {
  const absl::Time begin = steady_.Now();
  const std::string self = this->self();
  int64_t changed = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        changed, session.Execute("UPDATE members SET beat = beat + 1 WHERE member = :member",
                                 {{"member", self}}));
    return absl::OkStatus();
  }));
  const absl::MutexLock lock(&mutex_);
  if (changed == 0) {
    beaten_ = absl::InfinitePast();
    return absl::FailedPreconditionError(
        base::Cat("others have taken ", self, " for dead: it stood still for too long"));
  }
  beaten_ = begin;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Members::Dead>> Members::FindDead() {
  std::vector<Row> rows;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&rows](Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(rows, session.Query("SELECT member, instance, beat FROM members"));
    return absl::OkStatus();
  }));
  const absl::Time now = steady_.Now();
  std::vector<Dead> dead;
  const absl::MutexLock lock(&mutex_);
  const bool has_watched = now - looked_ < options_.patience / 2;
  looked_ = now;
  std::map<std::string, Seen> seen;
  for (const Row& row : rows) {
    const std::string& member = row.Text(0);
    if (member == self_) continue;
    const int64_t beat = row.Int(2);
    const auto before = others_.find(member);
    const bool is_still = has_watched && before != others_.end() && before->second.beat == beat;
    const Seen& last = seen[member] = is_still ? before->second : Seen{beat, now};
    const bool is_earlier = options_.alone || row.Text(1) == options_.instance;
    if (is_earlier || now - last.since >= options_.patience) dead.push_back({member, beat});
  }
  others_ = std::move(seen);
  return dead;
}

absl::StatusOr<bool> Members::Bury(Session& session, const Dead& dead) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t buried,
      session.Execute("DELETE FROM members WHERE member = :member AND beat = :beat",
                      {{"member", dead.member}, {"beat", dead.beat}}));
  return buried > 0;
}

}  // namespace cleanmail::sql
