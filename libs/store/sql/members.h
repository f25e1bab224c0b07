#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/store/sql/database.h"

namespace cleanmail::sql {

// The SQL that makes the table of members; give it a version of your own.
extern const std::string_view kMembersMigration;

struct MembersOptions {
  // Name of this instance, the same after a restart; two that run at once differ.
  std::string instance;
  // No other instance can share the schema (one process over one data folder): others in the table
  // are of earlier processes.
  bool alone = false;
  // How long a beat may be missing.
  absl::Duration patience = absl::Seconds(6);
};

// The instances of a service that share its schema, and which of them are alive, so that what a
// dead one had claimed is taken over. Each counts up its own beat; whoever's has stood still for
// `patience` by the watcher's own steady clock is dead. No two clocks are ever compared: one that
// is an hour ahead buries nobody. Thread-safe.
//
//   every second:  if (!members.Beat().ok()) { …drop what was claimed…; members.Rejoin(); }
//                  for (dead : members.Dead()) transaction { Bury(session, dead); …take over… }
//   before acting on a claim:  members.Holds(claim)
class Members {
 public:
  // `steady` must not jump; the clock of the machine does. All that is lent outlives the members.
  static absl::StatusOr<std::unique_ptr<Members>> Join(Database& database,
                                                       const base::Clock& steady,
                                                       base::Random& random,
                                                       MembersOptions options);

  // What claims of this instance carry: another one after each start and Rejoin.
  std::string self() const;
  // Whether a claim that carries `member` is this instance's and nobody can have taken it over.
  bool Holds(std::string_view member) const;

  // Counts up. FailedPrecondition: others have taken this instance for dead, and what it claimed
  // is theirs. Unavailable: the database is away; Holds is false once that lasts too long.
  absl::Status Beat();
  absl::Status Rejoin();

  // One that is dead, and the beat it stood still at.
  struct Dead {
    std::string member;
    int64_t beat;
  };
  // Those whose claims want taking over. Called every second: who could not look for half of
  // `patience`, because it or the database stood still, begins its watch anew, since the others may
  // have had no chance to beat either.
  absl::StatusOr<std::vector<Dead>> FindDead();
  // Strikes a dead member off; in the transaction that takes over its claims. False: it has beaten
  // meanwhile, or another instance was first.
  static absl::StatusOr<bool> Bury(Session& session, const Dead& dead);

 private:
  Members(Database& database, const base::Clock& steady, base::Random& random,
          MembersOptions options)
      : database_(database), steady_(steady), random_(random), options_(std::move(options)) {}

  struct Seen {
    int64_t beat;
    absl::Time since;
  };

  Database& database_;
  const base::Clock& steady_;
  base::Random& random_;
  const MembersOptions options_;
  mutable absl::Mutex mutex_;
  std::string self_ ABSL_GUARDED_BY(mutex_);
  absl::Time beaten_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // begin of the last good beat
  std::map<std::string, Seen> others_ ABSL_GUARDED_BY(mutex_);
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace cleanmail::sql
