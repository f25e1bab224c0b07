#include "services/provisioning/mx_check.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/synchronization/notification.h"
#include "libs/base/cat.h"

namespace cleanmail::provisioning {

std::string WhyNoMx(dns::Resolver& resolver, std::string_view domain, std::string_view host_name,
                    absl::Time deadline) {
  absl::Notification done;
  absl::StatusOr<dns::Answer> found;
  resolver.Lookup({.name = std::string(domain), .type = dns::Type::kMx}, deadline,
                  [&](absl::StatusOr<dns::Answer> answer) {
                    found = std::move(answer);
                    done.Notify();
                  });
  done.WaitForNotification();  // by the deadline, as the resolver promises
  if (!found.ok() && !absl::IsNotFound(found.status())) {
    return base::Cat("there is no route, and the MX of ", domain,
                     " could not be looked up: ", found.status().message());
  }
  if (!found.ok() || found->mx.empty())
    return base::Cat("there is no route, and ", domain, " has no MX: mail cannot be handed on");
  const std::string us = absl::AsciiStrToLower(base::AbslView(host_name));
  const bool others = std::ranges::any_of(found->mx, [&](const dns::MxRecord& mx) {
    return !mx.exchange.empty() && mx.exchange != us;
  });
  if (others) return {};
  return base::Cat("there is no route, and the only MX of ", domain,
                   " is this gateway: mail would go round in a circle");
}

}  // namespace cleanmail::provisioning
