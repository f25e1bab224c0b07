#include "services/portal/tokens.h"

#include <algorithm>
#include <span>

#include "absl/strings/escaping.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/crypto/hash.h"
#include "libs/rpc/answer.h"

namespace cleanmail::portal {
namespace {

using rpc::Role;

constexpr std::string_view kPrefix = "cm_";
constexpr size_t kIdLength = 32;      // a UUID without hyphens
constexpr size_t kSecretLength = 43;  // 256 bits in base64
constexpr size_t kMostEntries = 50;
constexpr size_t kLongestDescription = 200;
constexpr int64_t kUseGrainUs = 60'000'000;
constexpr std::string_view kPartners = "partners/";
constexpr std::string_view kTenants = "tenants/";

absl::Status Wrong(std::string_view field, std::string_view what) {
  const std::string path = base::Cat("api_token.", field);
  return rpc::WithField(absl::InvalidArgumentError(base::Cat(field, ": ", what)), path);
}

// The id a parent names behind its collection.
std::string IdBehind(std::string_view prefix, std::string_view parent) {
  return parent.starts_with(prefix) ? std::string(parent.substr(prefix.size())) : std::string();
}

absl::Status CheckRole(const TokenWish& wish) {
  if (wish.parent.empty())
    return wish.role == Role::kOperator
               ? absl::OkStatus()
               : Wrong("role", "a token of the installation is ROLE_OPERATOR");
  if (wish.parent.starts_with(kPartners))
    return wish.role == Role::kPartner ? absl::OkStatus()
                                       : Wrong("role", "a partner's token is ROLE_PARTNER");
  return wish.role == Role::kTenant || wish.role == Role::kDomain || wish.role == Role::kUser
             ? absl::OkStatus()
             : Wrong("role", "a tenant's token is ROLE_TENANT, ROLE_DOMAIN or ROLE_USER");
}

std::string_view DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

}  // namespace

absl::Status Tokens::Check(const TokenWish& wish, const rpc::Caller& maker) const {
  CLEANMAIL_RETURN_IF_ERROR(CheckRole(wish));
  if (wish.role < maker.role)
    return rpc::WithReason(absl::PermissionDeniedError("role: wider than your own"), "NOT_ALLOWED");
  const std::string tenant = IdBehind(kTenants, wish.parent);
  if (!tenant.empty() && !directory_.AwaitTenant(tenant)) return authz::NoSuchResource();
  if (wish.description.size() > kLongestDescription)
    return Wrong("description", base::Cat("at most ", kLongestDescription, " bytes"));
  if (wish.domains.empty() == (wish.role == Role::kDomain))
    return Wrong("domains", "named for ROLE_DOMAIN and for no other");
  if (wish.domains.size() > kMostEntries)
    return Wrong("domains", base::Cat("at most ", kMostEntries));
  for (size_t i = 0; i < wish.domains.size(); ++i) {
    if (directory_.TenantOfDomain(wish.domains[i]) != tenant)
      return Wrong(base::Cat("domains[", i, "]"), "no domain of the tenant");
  }
  if (wish.user.empty() == (wish.role == Role::kUser))
    return Wrong("user", "named for ROLE_USER and for no other");
  if (!wish.user.empty() && (wish.user.size() > 320 || wish.user.find('@') == std::string::npos ||
                             directory_.TenantOfDomain(DomainOf(wish.user)) != tenant))
    return Wrong("user", "no address in a domain of the tenant");
  if (wish.scopes.size() > kMostEntries)
    return Wrong("scopes", base::Cat("at most ", kMostEntries));
  for (size_t i = 0; i < wish.scopes.size(); ++i) {
    if (!authz::IsScope(wish.scopes[i]))
      return Wrong(base::Cat("scopes[", i, "]"), "no permission has that name");
  }
  if (!authz::ScopesContain(maker.scopes, wish.scopes))
    return rpc::WithReason(absl::PermissionDeniedError("scopes: wider than your own"),
                           "NOT_ALLOWED");
  if (wish.expires <= clock_.Now()) return Wrong("expire_time", "lies in the past");
  return absl::OkStatus();
}

absl::StatusOr<NewToken> Tokens::Create(const TokenWish& wish, const rpc::Caller& maker) {
  CLEANMAIL_RETURN_IF_ERROR(Check(wish, maker));
  std::string id = base::NewUuid(clock_, random_);
  std::erase(id, '-');
  std::string bytes(32, '\0');
  random_.Fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  crypto::Wipe(bytes);
  while (text.ends_with('=')) text.pop_back();
  NewToken made{.row = {.id = id,
                        .parent = wish.parent,
                        .secret_hash = {},
                        .description = wish.description,
                        .role = wish.role,
                        .domains = wish.domains,
                        .user = wish.user,
                        .scopes = wish.scopes,
                        .created_at_us = base::NowMicros(clock_),
                        .creator = maker.id},
                .secret = base::Cat(kPrefix, id, "_", text)};
  made.row.secret_hash = crypto::Sha256Hex(made.secret);
  if (wish.expires != absl::InfiniteFuture())
    made.row.expires_at_us = absl::ToUnixMicros(wish.expires);
  CLEANMAIL_RETURN_IF_ERROR(store_.AddToken(made.row));
  return made;
}

absl::StatusOr<TokenRow> Tokens::Get(std::string_view parent, std::string_view id) {
  CLEANMAIL_ASSIGN_OR_RETURN(TokenRow row, store_.FindToken(id));
  if (row.parent != parent) return authz::NoSuchResource();
  return row;
}

absl::StatusOr<std::vector<TokenRow>> Tokens::List(std::string_view parent, std::string_view after,
                                                   int32_t limit) {
  return store_.ListTokens(parent, after, limit);
}

absl::StatusOr<TokenRow> Tokens::Revoke(std::string_view parent, std::string_view id) {
  CLEANMAIL_ASSIGN_OR_RETURN(TokenRow row, Get(parent, id));
  CLEANMAIL_RETURN_IF_ERROR(store_.DeleteToken(id));
  return row;
}

absl::Status Tokens::ForgetOrphans() {
  if (!directory_.complete()) return absl::OkStatus();
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parents, store_.TokenParents());
  for (const std::string& parent : parents) {
    const std::string tenant = IdBehind(kTenants, parent);
    if (tenant.empty() || directory_.FindTenant(tenant).has_value()) continue;
    CLEANMAIL_RETURN_IF_ERROR(store_.DeleteTokensOf(parent).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<rpc::Caller> Tokens::Authenticate(std::string_view secret) {
  const absl::Status nobody =
      absl::UnauthenticatedError("the token is not known, is over, or was revoked");
  if (secret.size() != kPrefix.size() + kIdLength + 1 + kSecretLength ||
      !secret.starts_with(kPrefix) || !base::IsUtf8(secret))
    return nobody;
  const absl::StatusOr<TokenRow> found = store_.FindToken(secret.substr(kPrefix.size(), kIdLength));
  if (found.status().code() == absl::StatusCode::kNotFound) return nobody;
  CLEANMAIL_RETURN_IF_ERROR(found.status());
  const TokenRow& token = *found;
  if (!crypto::EqualInConstantTime(token.secret_hash, crypto::Sha256Hex(secret))) return nobody;
  const int64_t now_us = base::NowMicros(clock_);
  if (token.expires_at_us != 0 && token.expires_at_us <= now_us) return nobody;
  const std::string tenant = IdBehind(kTenants, token.parent);
  if (!tenant.empty()) {
    if (!directory_.complete()) return absl::UnavailableError("the directory is not complete yet");
    if (!directory_.FindTenant(tenant).has_value()) return nobody;
  }
  if (now_us - token.used_at_us >= kUseGrainUs)
    CLEANMAIL_RETURN_IF_ERROR(store_.MarkUsed(token.id, now_us));
  return rpc::Caller{.role = token.role,
                     .id = base::Cat("token/", token.id),
                     .partner = IdBehind(kPartners, token.parent),
                     .tenant = tenant,
                     .domains = token.domains,
                     .user = token.user,
                     .scopes = token.scopes};
}

}  // namespace cleanmail::portal
