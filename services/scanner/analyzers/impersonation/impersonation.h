#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/directory/directory.h"
#include "libs/store/kv/kv_store.h"
#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/analyzers/impersonation/correspondents.h"
#include "services/scanner/analyzers/impersonation/lookalike.h"

namespace cleanmail::scanner {

// How long a sender stays known to a domain he has written to.
inline constexpr absl::Duration kSenderRemembered = absl::Hours(24 * 90);

// Finds mail from outside that pretends to be from somebody of the tenant: a protected person's
// name, an own domain that is not proven, a domain that looks like one. Says nothing for tenants
// that have not switched it on, and nothing of outbound mail. Who has written before is remembered
// in `kv` as hashes; while that is away, nothing is said of it.
class Impersonation final : public Analyzer {
 public:
  // All outlive it.
  Impersonation(const directory::Directory& directory, kv::KvStore& kv)
      : directory_(directory), kv_(kv) {}
  std::string_view name() const override { return "impersonation"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  struct Person {
    std::string name;
    std::set<std::string> words;
    std::set<std::string> addresses;  // in lower case
  };
  // What a tenant guards, made ready to be compared.
  struct Profile {
    std::string settings;  // what it was made of
    std::vector<Person> people;
    std::vector<std::string> own;        // domains of the tenant
    std::vector<std::string> friends;    // extra_domains
    std::vector<GuardedDomain> guarded;  // both
  };
  class Look;

  // Null where it is off.
  std::shared_ptr<const Profile> ProfileOf(const std::string& tenant);
  static std::shared_ptr<const Profile> MakeProfile(const provisioning::v1::Impersonation& settings,
                                                    std::vector<std::string> own);
  // Whether he has not written to one of the domains of the message's recipients before; remembers
  // him.
  bool IsFirstTime(const mail::v1::Message& message, const Correspondent& sender);

  const directory::Directory& directory_;
  kv::KvStore& kv_;
  absl::Mutex mutex_;
  // By tenant; shared: looks at messages keep theirs while another is made.
  absl::flat_hash_map<std::string, std::shared_ptr<const Profile>> profiles_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::scanner
