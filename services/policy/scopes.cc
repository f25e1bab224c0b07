#include "services/policy/scopes.h"

#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {

Standing StandingOf(const directory::Directory& directory, std::string_view tenant,
                    std::string_view address) {
  Standing standing;
  standing.account = std::string(address);
  standing.domain = std::string(DomainOf(address));
  const auto facts = directory.FindDomain(standing.domain);
  const bool ours = facts.has_value() && facts->tenant == tenant;
  if (ours) {
    standing.monitor_only = facts->monitor_only;
    const std::string_view local =
        address.substr(0, address.size() - standing.domain.size() - 1);
    const directory::Recipient found = directory.Find(local, standing.domain);
    if (!found.account.empty()) standing.account = Lower(found.account);
  }
  standing.policies = directory.PoliciesOf(tenant, ours ? standing.account : std::string(),
                                           ours ? standing.domain : std::string());
  return standing;
}

}  // namespace cleanmail::policy
