#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/directory/directory.h"
#include "libs/dns/resolver.h"
#include "libs/net/address.h"
#include "libs/net/destination_policy.h"

namespace cleanmail::egress {

// A server to try.
struct Target {
  std::string host;  // name, for TLS and logs; the address's text where there is no name
  net::Endpoint endpoint;
};

struct RouterOptions {
  std::string host_name;  // ours: an MX list is cut where it names us (RFC 5321 §5.1)
  uint16_t smtp_port = 25;
  bool mx_may_be_private = false;
  net::DestinationPolicy destinations = {};  // asked of every address a tenant's route leads to
  absl::Duration timeout = absl::Seconds(30);
};

// Says where mail for a domain goes: the tenant's route (an alias domain's is that of the domain it
// stands for), else MX, else the domain's own addresses
// (RFC 5321 §5). Thread-safe.
class Router {
 public:
  // All outlive it.
  Router(const directory::Directory& directory, dns::Resolver& resolver, RouterOptions options)
      : directory_(directory), resolver_(resolver), options_(std::move(options)) {}

  // Servers of the tenant's route for a domain, or of that it is an alias of; empty: by MX.
  std::vector<std::string> RouteOf(std::string_view tenant, std::string_view domain) const;

  // Whether the domain is one of the tenant's own.
  bool IsHosted(std::string_view tenant, std::string_view domain) const;

  // `done` is called once, on any thread, with at least one target, in order of preference.
  // Unavailable: DNS is away, try again. NotFound: the domain does not exist or takes no mail (RFC
  // 7505): for good. FailedPrecondition: every address was refused (we are the best MX ourselves,
  // they are private, or no tenant may have us connect there): for good.
  void Find(std::string tenant, std::string domain,
            absl::AnyInvocable<void(absl::StatusOr<std::vector<Target>>) &&> done);

 private:
  class Search;
  std::string StandsFor(std::string_view tenant, std::string_view domain) const;

  const directory::Directory& directory_;
  dns::Resolver& resolver_;
  const RouterOptions options_;
};

}  // namespace cleanmail::egress
