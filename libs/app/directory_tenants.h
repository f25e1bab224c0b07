#pragma once

#include "libs/authz/authorizer.h"
#include "libs/directory/directory.h"

namespace cleanmail::app {

// Whose tenants are whose, by the directory.
class DirectoryTenants final : public authz::Tenants {
 public:
  explicit DirectoryTenants(const directory::Directory& directory) : directory_(directory) {}
  std::string PartnerOf(std::string_view tenant) override;
  std::vector<std::string> TenantsOf(std::string_view partner) override;

 private:
  const directory::Directory& directory_;
};

}  // namespace cleanmail::app
