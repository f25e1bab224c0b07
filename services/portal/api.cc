#include "services/portal/api.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/on_behalf.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::portal {
namespace {

using authz::Permission;
using rpc::Caller;

void SetTime(int64_t micros, google::protobuf::Timestamp& to) {
  to.set_seconds(micros / 1'000'000);
  to.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
}

v1::ApiToken ToProto(const TokenRow& row) {
  v1::ApiToken token;
  token.set_name(base::Cat(row.parent, row.parent.empty() ? "" : "/", "apiTokens/", row.id));
  token.set_description(row.description);
  token.set_role(rpc::ToProto(Caller{.role = row.role}).role());
  for (const std::string& domain : row.domains) token.add_domains(domain);
  token.set_user(row.user);
  for (const std::string& scope : row.scopes) token.add_scopes(scope);
  if (row.expires_at_us != 0) SetTime(row.expires_at_us, *token.mutable_expire_time());
  SetTime(row.created_at_us, *token.mutable_create_time());
  token.set_creator(row.creator);
  if (row.used_at_us != 0) SetTime(row.used_at_us, *token.mutable_last_use_time());
  return token;
}

TokenWish ToWish(std::string_view parent, const v1::ApiToken& token) {
  TokenWish wish{.parent = std::string(parent),
                 .description = token.description(),
                 .role = rpc::FromProto([&] {
                           api::v1::Caller said;
                           said.set_role(token.role());
                           return said;
                         }())
                             .role,
                 .domains = {token.domains().begin(), token.domains().end()},
                 .user = token.user(),
                 .scopes = {token.scopes().begin(), token.scopes().end()}};
  if (token.has_expire_time())
    wish.expires = absl::FromUnixSeconds(token.expire_time().seconds()) +
                   absl::Nanoseconds(token.expire_time().nanos());
  return wish;
}

// The target of a parent of the given pattern.
absl::StatusOr<authz::Target> TargetOf(std::string_view pattern, std::string_view parent,
                                       std::string_view resource) {
  authz::Target target{.resource = resource};
  if (pattern.empty()) {
    if (!parent.empty()) return absl::InvalidArgumentError("parent: none is expected here");
    return target;
  }
  CLEANMAIL_RETURN_IF_ERROR(rpc::resource::Match(pattern, parent).status());
  const std::string_view id = parent.substr(pattern.size() - 1);
  (pattern.starts_with("tenants") ? target.tenant : target.partner) = id;
  return target;
}

struct TokenName {
  std::string parent;
  std::string id;
};

absl::StatusOr<TokenName> ParseName(std::string_view pattern, std::string_view name) {
  const std::string whole = base::Cat(pattern, pattern.empty() ? "" : "/", "apiTokens/*");
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> parts, rpc::resource::Match(whole, name));
  TokenName parsed{.parent = {}, .id = parts.back()};
  if (!pattern.empty())
    parsed.parent = base::Cat(pattern.substr(0, pattern.size() - 1), parts.front());
  return parsed;
}

}  // namespace

grpc::Status Api::GetCaller(grpc::ServerContext* rpc, const v1::GetCallerRequest*,
                            v1::CurrentCaller* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    if (caller.role == rpc::Role::kNone) return absl::UnauthenticatedError("who are you?");
    reply->set_id(caller.id);
    reply->set_role(rpc::ToProto(caller).role());
    if (!caller.partner.empty()) reply->set_partner(base::Cat("partners/", caller.partner));
    if (!caller.tenant.empty()) reply->set_tenant(base::Cat("tenants/", caller.tenant));
    for (const std::string& domain : caller.domains) reply->add_domains(domain);
    reply->set_user(caller.user);
    for (const std::string& scope : caller.scopes) reply->add_scopes(scope);
    return absl::OkStatus();
  });
}

grpc::Status Api::Create(grpc::ServerContext* rpc, const v1::CreateApiTokenRequest& request,
                         std::string_view pattern, v1::ApiToken& reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(authz::Target target,
                               TargetOf(pattern, request.parent(), request.parent()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteTokens, target));
    CLEANMAIL_ASSIGN_OR_RETURN(
        const NewToken made, tokens_.Create(ToWish(request.parent(), request.api_token()), caller));
    reply = ToProto(made.row);
    const std::string name = reply.name();
    target.resource = name;
    authz_.Changed(caller, Permission::kWriteTokens, target, nullptr, &reply);
    reply.set_secret(made.secret);
    return absl::OkStatus();
  });
}

grpc::Status Api::List(grpc::ServerContext* rpc, const v1::ListApiTokensRequest& request,
                       std::string_view pattern, v1::ListApiTokensResponse& reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const authz::Target target,
                               TargetOf(pattern, request.parent(), request.parent()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kReadTokens, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request.page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request.page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<TokenRow> rows,
                               tokens_.List(request.parent(), after, limit));
    for (const TokenRow& row : rows) *reply.add_api_tokens() = ToProto(row);
    if (static_cast<int32_t>(rows.size()) == limit)
      reply.set_next_page_token(rpc::resource::ToPageToken(rows.back().id));
    return absl::OkStatus();
  });
}

grpc::Status Api::Get(grpc::ServerContext* rpc, const v1::GetApiTokenRequest& request,
                      std::string_view pattern, v1::ApiToken& reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const TokenName name, ParseName(pattern, request.name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const authz::Target target,
                               TargetOf(pattern, name.parent, request.name()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kReadTokens, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const TokenRow row, tokens_.Get(name.parent, name.id));
    reply = ToProto(row);
    return absl::OkStatus();
  });
}

grpc::Status Api::Delete(grpc::ServerContext* rpc, const v1::DeleteApiTokenRequest& request,
                         std::string_view pattern) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const TokenName name, ParseName(pattern, request.name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const authz::Target target,
                               TargetOf(pattern, name.parent, request.name()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteTokens, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const TokenRow row, tokens_.Revoke(name.parent, name.id));
    const v1::ApiToken before = ToProto(row);
    authz_.Changed(caller, Permission::kWriteTokens, target, &before, nullptr);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::portal
