#include "libs/app/directory_tenants.h"

#include "libs/base/cat.h"

namespace cleanmail::app {
namespace {

constexpr std::string_view kPrefix = "partners/";

}  // namespace

std::string DirectoryTenants::PartnerOf(std::string_view tenant) {
  if (!directory_.AwaitTenant(tenant)) return "";
  const auto found = directory_.FindTenant(tenant);
  if (!found.has_value() || !found->partner().starts_with(kPrefix)) return "";
  return found->partner().substr(kPrefix.size());
}

std::vector<std::string> DirectoryTenants::TenantsOf(std::string_view partner) {
  return directory_.TenantsOfPartner(base::Cat(kPrefix, partner));
}

}  // namespace cleanmail::app
