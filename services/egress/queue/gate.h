#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"

namespace cleanmail::egress {

struct GateOptions {
  int connections_per_destination = 20;
  absl::Duration expire_after = absl::Hours(120);  // where the domain has no queue life of its own
  absl::Duration ramp = absl::Seconds(10);         // until the number of connections doubles
};

// Which destinations may be delivered to, over how many connections at once, and how long mail
// waits for them. Not thread-safe: guarded by its owner.
class Gate {
 public:
  Gate(const directory::Directory& directory, const base::Clock& clock, GateOptions options)
      : directory_(directory), clock_(clock), options_(options) {}

  // Whether the tenant has switched delivery to his domain off.
  bool IsOff(std::string_view tenant, std::string_view destination) const;
  // How long mail may wait.
  absl::Duration LifeOf(std::string_view tenant, std::string_view destination) const;

  // A destination takes mail again after it was off: a server that has just come back gets two
  // connections at first, twice as many every ramp.
  void Reopened(std::string_view tenant, std::string_view destination);
  // Connections allowed now.
  int ConnectionsTo(std::string_view tenant, std::string_view destination);

 private:
  // What is set for a destination that is a domain of the tenant's own; of an alias domain that of
  // the one it stands for.
  std::optional<directory::DomainFacts> OwnDomain(std::string_view tenant,
                                                  std::string_view destination) const;

  const directory::Directory& directory_;
  const base::Clock& clock_;
  const GateOptions options_;
  std::map<std::string, absl::Time, std::less<>> reopened_;  // by tenant/destination
};

}  // namespace cleanmail::egress
