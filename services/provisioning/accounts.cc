#include "services/provisioning/accounts.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "google/protobuf/util/json_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/bus/events.h"
#include "libs/crypto/sealing.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"
#include "libs/net/host_port.h"
#include "libs/net/prefix.h"
#include "libs/rpc/resource/name.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::provisioning {
namespace {

constexpr size_t kMostAliases = 500;
constexpr size_t kMostDestinations = 20;
constexpr size_t kMostNetworks = 500;
constexpr size_t kLongestDisplayName = 200;
constexpr std::string_view kDefaultPolicy = "standard";
constexpr std::array<std::string_view, 2> kPolicies = {"standard", "without-report"};
constexpr int32_t kSnapshotPage = 5000;

std::string ToJson(const google::protobuf::Message& resource) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(resource, &json);
  CLEANMAIL_CHECK(status.ok(), "a resource of ours can be written as JSON");
  return json;
}

template <class T>
absl::StatusOr<T> FromJson(const Resource& resource) {
  T parsed;
  google::protobuf::util::JsonParseOptions lenient;
  lenient.ignore_unknown_fields = true;  // rows written by a later version
  const auto status = google::protobuf::util::JsonStringToMessage(resource.body, &parsed, lenient);
  if (!status.ok())
    return absl::DataLossError(base::Cat(resource.name, " cannot be read from the table"));
  return parsed;
}

absl::Status CheckDisplayName(std::string_view text) {
  if (text.size() > kLongestDisplayName) {
    return absl::InvalidArgumentError(
        base::Cat("display_name: longer than ", kLongestDisplayName, " octets"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> NormalDomain(std::string_view field, std::string_view text) {
  const absl::StatusOr<std::string> domain = mail::address::NormalizeDomain(text);
  if (!domain.ok()) {
    return absl::InvalidArgumentError(base::Cat(field, ": \"", base::Printable(text, 255),
                                                "\" is not a domain: ", domain.status().message()));
  }
  return *domain;
}

// An address in the form it is looked up by: local part in lower case, domain in A-labels.
absl::StatusOr<std::string> NormalAddress(std::string_view field, std::string_view text) {
  const absl::StatusOr<mail::address::Mailbox> mailbox = mail::address::ParseMailbox(text);
  if (!mailbox.ok()) {
    return absl::InvalidArgumentError(
        base::Cat(field, ": \"", base::Printable(text, 320),
                  "\" is not an address: ", mailbox.status().message()));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain, NormalDomain(field, mailbox->domain));
  return base::Cat(absl::AsciiStrToLower(mailbox->local), "@", domain);
}

std::string_view DomainOf(std::string_view address) {
  return address.substr(address.rfind('@') + 1);
}

std::string DomainName(std::string_view tenant, std::string_view domain) {
  return base::Cat("tenants/", tenant, "/domains/", domain);
}

v1::DirectoryChanged NewsOf(const std::string& name) {
  v1::DirectoryChanged news;
  news.set_name(name);
  return news;
}

bus::Record GoneNews(std::string_view name) {
  v1::DirectoryChanged news = NewsOf(std::string(name));
  news.set_deleted(true);
  return bus::ToRecord(news);
}

template <class T>
absl::StatusOr<Page<T>> ToPage(const std::vector<Resource>& resources, int32_t limit) {
  Page<T> page;
  for (const Resource& resource : resources) {
    CLEANMAIL_ASSIGN_OR_RETURN(T item, FromJson<T>(resource));
    page.items.push_back(std::move(item));
  }
  if (static_cast<int32_t>(resources.size()) == limit) page.next_key = resources.back().name;
  return page;
}

}  // namespace

absl::StatusOr<v1::Tenant> Accounts::CreateTenant(v1::Tenant tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*", tenant.name()));
  if (!rpc::resource::IsTenantId(parts[0])) {
    return absl::InvalidArgumentError(
        base::Cat("name: \"", base::Printable(parts[0], 100),
                  "\" is not a tenant id: 1 to 63 lower-case letters, digits and inner hyphens"));
  }
  CLEANMAIL_RETURN_IF_ERROR(CheckDisplayName(tenant.display_name()));
  if (tenant.policy().empty()) tenant.set_policy(std::string(kDefaultPolicy));
  if (std::ranges::find(kPolicies, tenant.policy()) == kPolicies.end()) {
    return absl::InvalidArgumentError(
        base::Cat("policy: \"", base::Printable(tenant.policy(), 100),
                  "\" is unknown; there are \"standard\" and \"without-report\""));
  }
  if (static_cast<size_t>(tenant.sending_networks_size()) > kMostNetworks) {
    return absl::InvalidArgumentError(base::Cat("sending_networks: more than ", kMostNetworks));
  }
  for (const std::string& network : tenant.sending_networks()) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(network);
    if (!prefix.ok())
      return absl::InvalidArgumentError(base::Cat("sending_networks: ", prefix.status().message()));
  }
  v1::DirectoryChanged news = NewsOf(tenant.name());
  *news.mutable_tenant() = tenant;
  CLEANMAIL_RETURN_IF_ERROR(store_.Insert({.name = tenant.name(),
                                           .kind = Kind::kTenant,
                                           .tenant = parts[0],
                                           .body = ToJson(tenant),
                                           .claims = {}},
                                          "", bus::ToRecord(news)));
  return tenant;
}

absl::StatusOr<v1::Domain> Accounts::CreateDomain(v1::Domain domain) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/domains/*", domain.name()));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string normal, NormalDomain("name", parts[1]));
  domain.set_name(DomainName(parts[0], normal));
  if (domain.recipient_mode() == v1::RECIPIENT_MODE_UNSPECIFIED)
    domain.set_recipient_mode(v1::RECIPIENT_MODE_ANY);
  v1::DirectoryChanged news = NewsOf(domain.name());
  *news.mutable_domain() = domain;
  CLEANMAIL_RETURN_IF_ERROR(store_.Insert({.name = domain.name(),
                                           .kind = Kind::kDomain,
                                           .tenant = parts[0],
                                           .body = ToJson(domain),
                                           .claims = {base::Cat("domain/", normal)}},
                                          base::Cat("tenants/", parts[0]), bus::ToRecord(news)));
  return domain;
}

absl::StatusOr<v1::User> Accounts::CreateUser(v1::User user) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/users/*", user.name()));
  const std::string& tenant = parts[0];
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, NormalAddress("name", parts[1]));
  CLEANMAIL_RETURN_IF_ERROR(CheckDisplayName(user.display_name()));
  if (static_cast<size_t>(user.aliases_size()) > kMostAliases) {
    return absl::InvalidArgumentError(base::Cat("aliases: more than ", kMostAliases));
  }
  user.set_name(base::Cat("tenants/", tenant, "/users/", address));
  std::vector<std::string> claims = {base::Cat("address/", address)};
  for (std::string& alias : *user.mutable_aliases()) {
    CLEANMAIL_ASSIGN_OR_RETURN(alias, NormalAddress("aliases", alias));
    const absl::Status domain = store_.Get(DomainName(tenant, DomainOf(alias))).status();
    if (absl::IsNotFound(domain)) {
      return absl::InvalidArgumentError(
          base::Cat("aliases: ", alias, " is not in a domain of tenant ", tenant));
    }
    CLEANMAIL_RETURN_IF_ERROR(domain);
    claims.push_back(base::Cat("address/", alias));
  }
  v1::DirectoryChanged news = NewsOf(user.name());
  *news.mutable_user() = user;
  CLEANMAIL_RETURN_IF_ERROR(store_.Insert({.name = user.name(),
                                           .kind = Kind::kUser,
                                           .tenant = tenant,
                                           .body = ToJson(user),
                                           .claims = std::move(claims)},
                                          DomainName(tenant, DomainOf(address)),
                                          bus::ToRecord(news)));
  return user;
}

absl::StatusOr<v1::Route> Accounts::CreateRoute(v1::Route route) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/routes/*", route.name()));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain, NormalDomain("name", parts[1]));
  route.set_name(base::Cat("tenants/", parts[0], "/routes/", domain));
  if (route.destinations().empty())
    return absl::InvalidArgumentError("destinations: at least one host:port is needed");
  if (static_cast<size_t>(route.destinations_size()) > kMostDestinations) {
    return absl::InvalidArgumentError(base::Cat("destinations: more than ", kMostDestinations));
  }
  for (const std::string& destination : route.destinations()) {
    const absl::StatusOr<net::HostPort> endpoint = net::ParseHostPort(destination, 25);
    if (!endpoint.ok())
      return absl::InvalidArgumentError(base::Cat("destinations: ", endpoint.status().message()));
  }
  v1::DirectoryChanged news = NewsOf(route.name());
  *news.mutable_route() = route;
  CLEANMAIL_RETURN_IF_ERROR(store_.Insert({.name = route.name(),
                                           .kind = Kind::kRoute,
                                           .tenant = parts[0],
                                           .body = ToJson(route),
                                           .claims = {}},
                                          DomainName(parts[0], domain), bus::ToRecord(news)));
  return route;
}

absl::Status Accounts::DeleteTenant(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*", name));
  const auto may_delete = [&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t children, Store::CountOfTenant(session, parts[0]));
    if (children > 0) {
      return absl::FailedPreconditionError(
          base::Cat(name, " still has ", children, " domains, users or routes; remove them first"));
    }
    return Store::DeleteKey(session, parts[0]);
  };
  return store_.Delete(name, may_delete, GoneNews(name));
}

absl::Status Accounts::DeleteDomain(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/domains/*", name));
  const auto may_delete = [&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t children,
                               Store::CountOfDomain(session, parts[0], parts[1]));
    if (children > 0) {
      return absl::FailedPreconditionError(
          base::Cat(name, " still has ", children, " addresses or routes; remove them first"));
    }
    return absl::OkStatus();
  };
  return store_.Delete(name, may_delete, GoneNews(name));
}

absl::Status Accounts::DeleteUser(std::string_view name) {
  CLEANMAIL_RETURN_IF_ERROR(rpc::resource::Match("tenants/*/users/*", name).status());
  return store_.Delete(
      name, [](sql::Session&) { return absl::OkStatus(); }, GoneNews(name));
}

absl::Status Accounts::DeleteRoute(std::string_view name) {
  CLEANMAIL_RETURN_IF_ERROR(rpc::resource::Match("tenants/*/routes/*", name).status());
  return store_.Delete(
      name, [](sql::Session&) { return absl::OkStatus(); }, GoneNews(name));
}

absl::StatusOr<Page<v1::Tenant>> Accounts::ListTenants(std::string_view after, int32_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> resources,
                             store_.List(Kind::kTenant, "", after, limit));
  return ToPage<v1::Tenant>(resources, limit);
}

absl::StatusOr<Page<v1::Domain>> Accounts::ListDomains(std::string_view tenant,
                                                       std::string_view after, int32_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> resources,
                             store_.List(Kind::kDomain, tenant, after, limit));
  return ToPage<v1::Domain>(resources, limit);
}

absl::StatusOr<Page<v1::User>> Accounts::ListUsers(std::string_view tenant, std::string_view after,
                                                   int32_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> resources,
                             store_.List(Kind::kUser, tenant, after, limit));
  return ToPage<v1::User>(resources, limit);
}

absl::StatusOr<Page<v1::Route>> Accounts::ListRoutes(std::string_view tenant,
                                                     std::string_view after, int32_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> resources,
                             store_.List(Kind::kRoute, tenant, after, limit));
  return ToPage<v1::Route>(resources, limit);
}

absl::StatusOr<SnapshotPage> Accounts::Snapshot(std::string_view key) {
  // The key is "POSITION KIND NAME"; the position is read before the first row, so that following
  // from it misses nothing.
  SnapshotPage page;
  Kind kind = Kind::kTenant;
  std::string after;
  if (key.empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        page.position, bus_.NewestPosition(bus::TopicOf(*v1::DirectoryChanged::descriptor()).name));
  } else {
    int kind_number = 0;
    char name[400] = {};
    if (std::sscanf(std::string(key).c_str(), "%ld %d %399s", &page.position, &kind_number, name) !=
            3 ||
        kind_number < 0 || kind_number > 3) {
      return absl::InvalidArgumentError("page_token: not a token this service gave out");
    }
    kind = static_cast<Kind>(kind_number);
    after = name;
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> resources,
                             store_.ListAll(kind, after, kSnapshotPage));
  for (const Resource& resource : resources) {
    switch (resource.kind) {
      case Kind::kTenant: {
        CLEANMAIL_ASSIGN_OR_RETURN(page.tenants.emplace_back(), FromJson<v1::Tenant>(resource));
        break;
      }
      case Kind::kDomain: {
        CLEANMAIL_ASSIGN_OR_RETURN(page.domains.emplace_back(), FromJson<v1::Domain>(resource));
        break;
      }
      case Kind::kUser: {
        CLEANMAIL_ASSIGN_OR_RETURN(page.users.emplace_back(), FromJson<v1::User>(resource));
        break;
      }
      case Kind::kRoute: {
        CLEANMAIL_ASSIGN_OR_RETURN(page.routes.emplace_back(), FromJson<v1::Route>(resource));
        break;
      }
    }
  }
  if (static_cast<int32_t>(resources.size()) == kSnapshotPage) {
    page.next_key = base::Cat(page.position, " ", static_cast<int>(resources.back().kind), " ",
                              resources.back().name);
  }
  return page;
}

absl::StatusOr<std::string> Accounts::TenantKey(std::string_view tenant) {
  const std::string context = base::Cat("tenant-key/", tenant);
  const std::string wrapped = crypto::Wrap(random_, master_key_, crypto::NewKey(random_), context);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string kept,
                             store_.WrappedKey(tenant, absl::Base64Escape(wrapped)));
  std::string bytes;
  if (!absl::Base64Unescape(kept, &bytes))
    return absl::DataLossError(base::Cat("the key of tenant ", tenant, " is not base64"));
  return crypto::Unwrap(master_key_, bytes, context);
}

}  // namespace cleanmail::provisioning
