#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/net/address.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::directory {

// What the directory knows of a recipient.
struct Recipient {
  enum class Standing {
    kAccepted,        // a live domain that takes it
    kUnknownDomain,   // none of ours
    kUnknownUser,     // ours, accounts required (or the account is disabled), nobody of that name
    kStaged,          // ours, but not switched on yet: say 4xx
    kAskDestination,  // ours, neither account nor alias: the destination knows (call-out)
    kNotReady,        // the picture is not complete yet: say 451
  };
  Standing standing = Standing::kNotReady;
  std::string tenant;  // set when the domain is ours
  // Primary address where an account is known, else the address itself; in an alias domain that of
  // the domain it stands for.
  std::string account;
};

// What the directory knows of a domain of ours.
struct DomainFacts {
  std::string tenant;
  bool live = true;  // false: staged
  // Of an alias domain: that of the domain it stands for.
  provisioning::v1::RecipientMode recipient_mode = provisioning::v1::RECIPIENT_MODE_ANY;
  bool monitor_only = false;
  bool delivery_off = false;
  std::optional<absl::Duration> queue_life;  // none: the installation's
  std::string policy;                        // empty: the tenant's
  std::string alias_of;                      // empty: not an alias
};

// A policy and where it is set.
struct Assignment {
  std::string scope;   // "user", "group/{id}", "domain", "tenant"
  std::string policy;  // its id
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// Who is who, in memory: filled by a snapshot, kept fresh by DirectoryChanged. Thread-safe; reads
// take a shared lock for about a microsecond.
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
  // Primary address, in lower case, of the account that has `address`; the address itself where
  // none is known.
  std::string AccountOf(std::string_view address) const;
  // What is set for a domain, if it is one of ours; `domain` in A-labels, lower case.
  std::optional<DomainFacts> FindDomain(std::string_view domain) const;
  // Policies set for an account and its domain, the narrowest first: user, groups by rank and name,
  // domain (an alias domain without one: the domain it stands for), tenant. Those not set are left
  // out. `account` as in Recipient.account; may be empty.
  std::vector<Assignment> PoliciesOf(std::string_view tenant, std::string_view account,
                                     std::string_view domain) const;
  // Partner (its id) that looks after a tenant; empty: none.
  std::string PartnerOf(std::string_view tenant) const;
  // Grows with every change applied: whoever keeps something derived asks whether it is still true.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Tenant of a domain, if it is one of ours.
  std::optional<std::string> TenantOfDomain(std::string_view domain) const;
  // Domains of a tenant, alias domains and staged ones too; A-labels, by name.
  std::vector<std::string> DomainsOf(std::string_view tenant) const;
  // Whether a client is a gateway in front of this one for the mail of all of `recipients`
  // (addresses); of none, it is not.
  bool IsRelayFor(const net::IpAddress& client, const std::vector<std::string>& recipients) const;
  // Tenant whose sending networks hold the address (text form), if any; the narrowest wins.
  std::optional<std::string> TenantOfSender(std::string_view address) const;
  // Destinations of the tenant's route for a domain; empty when there is none.
  std::vector<std::string> RouteOf(std::string_view tenant, std::string_view domain) const;
  std::optional<provisioning::v1::Tenant> FindTenant(std::string_view tenant) const;
  // Whether there is such a tenant, also when news of it is still under way: who calls right after
  // he made a tenant shall not hear that there is none. Asks SetOrigin's function about one that is
  // not known here, and waits up to `patience` for the news. Blocks.
  bool AwaitTenant(std::string_view tenant, absl::Duration patience = absl::Seconds(5)) const;
  // Who is asked about tenants not known here: whether there is one of that id. Set once, before
  // other threads ask.
  void SetOrigin(std::function<bool(const std::string& tenant)> has_tenant);
  // Ids of the tenants whose partner this is (`partners/{partner}`), by name.
  std::vector<std::string> TenantsOfPartner(std::string_view partner) const;

 private:
  struct Picture;
  std::atomic<uint64_t> version_{0};
  std::function<bool(const std::string&)> origin_has_tenant_;
  mutable absl::Mutex mutex_;
  std::unique_ptr<Picture> picture_ ABSL_GUARDED_BY(mutex_);

 public:
  Directory();
  ~Directory();
};

}  // namespace cleanmail::directory
