#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/directory/directory.h"
#include "libs/telemetry/log.h"
#include "services/provisioning/callout/probe.h"
#include "services/provisioning/callout/store.h"
#include "services/provisioning/metrics.h"

namespace cleanmail::provisioning::callout {

struct CalloutOptions {
  absl::Duration positive_life = absl::Hours(96);
  absl::Duration negative_life = absl::Hours(2);
  absl::Duration accept_all_life = absl::Hours(24);
  absl::Duration timeout = absl::Seconds(5);
  int per_domain = 4;
  int connections = 64;
};

// What is answered about a recipient.
struct Answered {
  Verdict verdict = {};
  bool remembered = false;
};

struct CalloutParts {
  Store& store;
  const directory::Directory& directory;
  const base::Clock& clock;
  base::Random& random;
  telemetry::Log& log;
  Metrics& metrics;
};

// Whether recipients of domains in call-out mode exist: remembers what destinations said, asks
// them, one question an address at a time, and notices when they take everybody or begin to deny
// recipients they knew. Thread-safe.
class Callouts {
 public:
  // Asks a destination; calls `done` once, on any thread, by the deadline.
  using Asker =
      std::function<void(Question, absl::Time deadline, std::function<void(Finding)> done)>;
  // A recipient of the domain that surely exists (an account); empty: none is known.
  using KnownGood = std::function<std::string(std::string_view tenant, std::string_view domain)>;
  Callouts(CalloutParts parts, Asker ask, KnownGood known_good, CalloutOptions options)
      : parts_(parts),
        ask_(std::move(ask)),
        known_good_(std::move(known_good)),
        options_(options) {}
  ~Callouts() { Stop(); }

  // Waits for an answer until the timeout or `deadline`, whichever comes first; the question goes
  // on without the waiter. NotFound: not a domain of the tenant.
  absl::StatusOr<Answered> Check(std::string_view tenant, std::string_view address,
                                 absl::Time deadline);
  // Forgets all of a domain; how many entries.
  absl::StatusOr<int64_t> Clear(std::string_view tenant, std::string_view domain);
  // Forgets what expired long ago.
  void Forget();
  // Waits for the questions that are out. Idempotent.
  void Stop();

 private:
  struct Pending {
    bool done = false;
    Verdict verdict;
  };
  // What happened to recipients known as good lately.
  struct Watch {
    std::deque<absl::Time> asked;
    std::deque<absl::Time> denied;
    absl::Time accept_all_checked = absl::InfinitePast();
  };
  absl::StatusOr<std::optional<Answered>> FromMemory(std::string_view tenant,
                                                     const std::string& address,
                                                     std::string_view domain);
  // The question that is out for the address, after starting it if need be; null: too many are.
  std::shared_ptr<Pending> Start(const std::string& tenant, const std::string& address,
                                 const std::string& domain);
  Question Make(const std::string& tenant, const std::string& address, const std::string& domain,
                bool check_accept_all);
  void Learn(const std::string& tenant, const std::string& address, const std::string& domain,
             absl::Time asked, Finding finding);
  Verdict Remember(const std::string& tenant, const std::string& address, const std::string& domain,
                   const Finding& finding);
  // Notes a question about a recipient known as good; true: the destination is under alert.
  bool Watching(const std::string& tenant, const std::string& domain, bool known_good, bool denied,
                const std::string& words);

  const CalloutParts parts_;
  const Asker ask_;
  const KnownGood known_good_;
  const CalloutOptions options_;

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Pending>> pending_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int> busy_ ABSL_GUARDED_BY(mutex_);  // questions of a domain
  std::map<std::string, Watch, std::less<>> watches_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cleanmail::provisioning::callout
