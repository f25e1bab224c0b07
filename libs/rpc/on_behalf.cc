#include "libs/rpc/on_behalf.h"

namespace cleanmail::rpc {
namespace {

api::v1::Role ToProto(Role role) {
  switch (role) {
    case Role::kNone:
    case Role::kService:
      return api::v1::ROLE_UNSPECIFIED;
    case Role::kOperator:
      return api::v1::ROLE_OPERATOR;
    case Role::kPartner:
      return api::v1::ROLE_PARTNER;
    case Role::kTenant:
      return api::v1::ROLE_TENANT;
    case Role::kDomain:
      return api::v1::ROLE_DOMAIN;
    case Role::kUser:
      return api::v1::ROLE_USER;
  }
  return api::v1::ROLE_UNSPECIFIED;
}

Role FromProto(api::v1::Role role) {
  switch (role) {
    case api::v1::ROLE_OPERATOR:
      return Role::kOperator;
    case api::v1::ROLE_PARTNER:
      return Role::kPartner;
    case api::v1::ROLE_TENANT:
      return Role::kTenant;
    case api::v1::ROLE_DOMAIN:
      return Role::kDomain;
    case api::v1::ROLE_USER:
      return Role::kUser;
    default:
      return Role::kNone;
  }
}

}  // namespace

api::v1::Caller ToProto(const Caller& caller) {
  api::v1::Caller said;
  said.set_id(caller.id);
  said.set_role(ToProto(caller.role));
  said.set_partner(caller.partner);
  said.set_tenant(caller.tenant);
  for (const std::string& domain : caller.domains) said.add_domains(domain);
  said.set_user(caller.user);
  for (const std::string& scope : caller.scopes) said.add_scopes(scope);
  said.set_address(caller.address);
  return said;
}

Caller FromProto(const api::v1::Caller& said) {
  return {.role = FromProto(said.role()),
          .id = said.id(),
          .partner = said.partner(),
          .tenant = said.tenant(),
          .domains = {said.domains().begin(), said.domains().end()},
          .user = said.user(),
          .scopes = {said.scopes().begin(), said.scopes().end()},
          .address = said.address()};
}

}  // namespace cleanmail::rpc
