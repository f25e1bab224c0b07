#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::directory {

// What the directory knows of a recipient.
struct Recipient {
  enum class Standing {
    kAccepted,       // a live domain that takes it
    kUnknownDomain,  // none of ours
    kUnknownUser,    // ours, accounts required, no such account or alias
    kNotReady,       // the picture is not complete yet: say 451
  };
  Standing standing = Standing::kNotReady;
  std::string tenant;   // set when the domain is ours
  std::string account;  // primary address where an account is known, else the address itself
};

// Who is who, in memory: filled by a snapshot, kept fresh by DirectoryChanged. Thread-safe; reads
// take a shared lock for less than a microsecond.
class Directory {
 public:
  // Before the first Complete() everything is kNotReady.
  void Apply(const provisioning::v1::DirectoryChanged& change);
  void Complete();
  bool complete() const;
  // Forgets everything; no longer complete. For a filling that begins again.
  void Clear();

  // `local` as written (compared without regard to ASCII case), `domain` in A-labels, lower case.
  // postmaster and abuse of a live domain are always accepted (RFC 5321 §4.5.1, RFC 2142).
  Recipient Find(std::string_view local, std::string_view domain) const;
  // Tenant of a domain, if it is one of ours.
  std::optional<std::string> TenantOfDomain(std::string_view domain) const;
  // Tenant whose sending networks hold the address (text form), if any; the narrowest wins.
  std::optional<std::string> TenantOfSender(std::string_view address) const;
  // Destinations of the tenant's route for a domain; empty when there is none.
  std::vector<std::string> RouteOf(std::string_view tenant, std::string_view domain) const;
  std::optional<provisioning::v1::Tenant> FindTenant(std::string_view tenant) const;
  // Ids of the tenants whose partner this is (`partners/{partner}`), by name.
  std::vector<std::string> TenantsOfPartner(std::string_view partner) const;

 private:
  struct Picture;
  mutable absl::Mutex mutex_;
  std::unique_ptr<Picture> picture_ ABSL_GUARDED_BY(mutex_);

 public:
  Directory();
  ~Directory();
};

}  // namespace cleanmail::directory
