#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/directory/directory.h"
#include "libs/rpc/caller.h"
#include "services/portal/store.h"

namespace cleanmail::portal {

// What a new token shall be.
struct TokenWish {
  std::string parent = {};  // empty, `partners/x`, `tenants/x`
  std::string description = {};
  rpc::Role role = rpc::Role::kNone;
  std::vector<std::string> domains = {};
  std::string user = {};
  std::vector<std::string> scopes = {};
  absl::Time expires = absl::InfiniteFuture();
};

struct NewToken {
  TokenRow row;
  std::string secret;  // shown once
};

// Secrets of programs: `cm_{id}_{256 random bits}`. Kept as SHA-256, which is enough for a secret
// nobody can guess. Thread-safe.
class Tokens {
 public:
  // All outlive it.
  Tokens(Store& store, const directory::Directory& directory, const base::Clock& clock,
         base::Random& random)
      : store_(store), directory_(directory), clock_(clock), random_(random) {}

  // A token within the reach of `maker`, whose right to make any has been checked.
  // InvalidArgument names the field; PermissionDenied: wider than the maker.
  absl::StatusOr<NewToken> Create(const TokenWish& wish, const rpc::Caller& maker);
  // NotFound when it is not there or not this parent's.
  absl::StatusOr<TokenRow> Get(std::string_view parent, std::string_view id);
  absl::StatusOr<std::vector<TokenRow>> List(std::string_view parent, std::string_view after,
                                             int32_t limit);
  absl::StatusOr<TokenRow> Revoke(std::string_view parent, std::string_view id);

  // Deletes the tokens of tenants that are gone, so that a later tenant of the same name does not
  // inherit them.
  absl::Status ForgetOrphans();

  // Whose a secret is. Unauthenticated: nobody's, over, or its tenant's is gone.
  absl::StatusOr<rpc::Caller> Authenticate(std::string_view secret);

 private:
  absl::Status Check(const TokenWish& wish, const rpc::Caller& maker) const;

  Store& store_;
  const directory::Directory& directory_;
  const base::Clock& clock_;
  base::Random& random_;
};

}  // namespace cleanmail::portal
