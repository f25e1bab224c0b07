#include "services/provisioning/writing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "google/protobuf/util/json_util.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/crypto/hash.h"
#include "libs/rpc/answer.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning {
namespace {

constexpr size_t kEtagDigits = 16;

// What a row carries beside the resource's state, and what only it may have.
struct Frame {
  std::string domain = {};
  std::string mark = {};
  std::string words = {};
  std::vector<Claim> claims = {};
};

std::string DomainName(std::string_view tenant, std::string_view domain) {
  return base::Cat("tenants/", tenant, "/domains/", domain);
}

std::string AddressClaim(std::string_view address) { return base::Cat("address/", address); }

absl::Status Missing(std::string_view name) {
  return absl::NotFoundError(base::Cat(name, " does not exist; create it first"));
}

absl::Status Taken(std::string_view field, std::string_view what) {
  return rpc::WithField(absl::AlreadyExistsError(base::Cat(field, ": ", what, " is already taken")),
                        field);
}

template <class T>
std::string ToBody(T resource) {
  resource.clear_etag();
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(resource, &json);
  CLEANMAIL_CHECK(status.ok(), "a resource of ours can be written as JSON");
  return json;
}

template <class T>
bus::Record NewsOf(T resource) {
  resource.clear_etag();
  v1::DirectoryChanged news;
  news.set_name(resource.name());
  *KindOfResource<T>::In(news) = std::move(resource);
  return bus::ToRecord(news);
}

bus::Record GoneNews(std::string_view name) {
  v1::DirectoryChanged news;
  news.set_name(std::string(name));
  news.set_deleted(true);
  return bus::ToRecord(news);
}

// A domain of the tenant that addresses may lie in. `field` is what to blame.
absl::Status CheckHome(Transaction& transaction, std::string_view tenant, std::string_view field,
                       std::string_view address) {
  CLEANMAIL_ASSIGN_OR_RETURN(const auto domain,
                             Find<v1::Domain>(transaction, DomainName(tenant, DomainOf(address))));
  if (!domain.has_value() && field == "name") return Missing(DomainName(tenant, DomainOf(address)));
  if (!domain.has_value())
    return Wrong(field, base::Cat(address, " is not in a domain of tenant ", tenant));
  if (!domain->alias_of().empty()) {
    return Wrong(field, base::Cat(DomainOf(address), " is an alias of ", domain->alias_of(),
                                  ": give the address there"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Frame> Admit(Transaction&, const v1::Partner*, const v1::Partner&) {
  return Frame{};
}

absl::StatusOr<Frame> Admit(Transaction& transaction, const v1::Tenant*, const v1::Tenant& after) {
  if (!after.partner().empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, transaction.Exists(after.partner()));
    if (!exists) return Wrong("partner", base::Cat(after.partner(), " does not exist"));
  }
  return Frame{.mark = after.partner(),
               .words = base::Cat(IdOf(after.name()), " ", after.display_name())};
}

absl::StatusOr<Frame> Admit(Transaction& transaction, const v1::Domain* before,
                            const v1::Domain& after) {
  const std::string_view domain = IdOf(after.name());
  const std::string claim = base::Cat("domain/", domain);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string owner, transaction.OwnerOf(claim));
  if (!owner.empty() && owner != after.name()) return Taken("name", domain);
  if (!after.alias_of().empty() && (before == nullptr || before->alias_of() != after.alias_of())) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const auto target,
        Find<v1::Domain>(transaction, DomainName(TenantOf(after.name()), after.alias_of())));
    if (!target.has_value())
      return Wrong("alias_of", base::Cat(after.alias_of(), " is not a domain of the tenant"));
    if (!target->alias_of().empty())
      return Wrong("alias_of", base::Cat(after.alias_of(), " is an alias itself"));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t aliases, transaction.CountOfAliasDomains(domain));
    if (aliases > 0) return Wrong("alias_of", base::Cat(domain, " has aliases itself"));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t addresses, transaction.CountOfAddresses(domain));
    if (addresses > 0) {
      return rpc::WithField(
          absl::FailedPreconditionError(base::Cat("alias_of: ", domain, " still has ", addresses,
                                                  " addresses of its own; remove them first")),
          "alias_of");
    }
  }
  return Frame{.domain = std::string(domain),
               .mark = after.alias_of(),
               .words = std::string(domain),
               .claims = {{.what = claim, .domain = ""}}};
}

absl::StatusOr<Frame> Admit(Transaction& transaction, const v1::User* before,
                            const v1::User& after) {
  const std::string_view tenant = TenantOf(after.name());
  const std::string primary(IdOf(after.name()));
  Frame frame{.domain = std::string(DomainOf(primary))};
  frame.words = base::Cat(primary, " ", after.display_name());
  std::string checked;  // the domain found last: most addresses of a user share it
  const auto take = [&](std::string_view field, const std::string& address) -> absl::Status {
    const bool had = before != nullptr &&
                     (field == "name" ||
                      std::ranges::find(before->aliases(), address) != before->aliases().end());
    if (!had && DomainOf(address) != checked) {
      CLEANMAIL_RETURN_IF_ERROR(CheckHome(transaction, tenant, field, address));
      checked = DomainOf(address);
    }
    if (!had) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::string owner,
                                 transaction.OwnerOf(AddressClaim(address)));
      const bool observed = owner.find("/observedAddresses/") != std::string::npos;
      if (!owner.empty() && owner != after.name() && !observed) return Taken(field, address);
    }
    frame.claims.push_back(
        {.what = AddressClaim(address), .domain = std::string(DomainOf(address))});
    return absl::OkStatus();
  };
  CLEANMAIL_RETURN_IF_ERROR(take("name", primary));
  for (int i = 0; i < after.aliases_size(); ++i) {
    CLEANMAIL_RETURN_IF_ERROR(take(base::Cat("aliases[", i, "]"), after.aliases(i)));
    frame.words += base::Cat(" ", after.aliases(i));
  }
  return frame;
}

absl::StatusOr<Frame> Admit(Transaction& transaction, const v1::Group* before,
                            const v1::Group& after) {
  for (int i = 0; i < after.members_size(); ++i) {
    const std::string& member = after.members(i);
    if (before != nullptr &&
        std::binary_search(before->members().begin(), before->members().end(), member)) {
      continue;
    }
    CLEANMAIL_ASSIGN_OR_RETURN(
        const bool exists,
        transaction.Exists(base::Cat("tenants/", TenantOf(after.name()), "/users/", member)));
    if (!exists) {
      return Wrong(base::Cat("members[", i, "]"),
                   base::Cat(member, " is not the primary address of a user of the tenant"));
    }
  }
  return Frame{.words = base::Cat(IdOf(after.name()), " ", after.display_name())};
}

absl::StatusOr<Frame> Admit(Transaction&, const v1::Route*, const v1::Route& after) {
  return Frame{.domain = std::string(IdOf(after.name())), .words = std::string(IdOf(after.name()))};
}

absl::StatusOr<Frame> Admit(Transaction& transaction, const v1::ObservedAddress* before,
                            const v1::ObservedAddress& after) {
  const std::string address(IdOf(after.name()));
  if (before == nullptr) {
    CLEANMAIL_RETURN_IF_ERROR(CheckHome(transaction, TenantOf(after.name()), "name", address));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string owner, transaction.OwnerOf(AddressClaim(address)));
    if (!owner.empty()) return Taken("name", address);
  }
  return Frame{
      .domain = std::string(DomainOf(address)),
      .mark = v1::ObservedAddress::Review_Name(after.review()),
      .words = address,
      .claims = {{.what = AddressClaim(address), .domain = std::string(DomainOf(address))}}};
}

// What a resource lies in; empty: nothing that must exist.
template <class T>
std::string ParentOf(const T& resource) {
  if constexpr (std::is_same_v<T, v1::Partner> || std::is_same_v<T, v1::Tenant>) return {};
  return base::Cat("tenants/", TenantOf(resource.name()));
}

// Addresses a user takes that were observed are so no longer.
absl::Status TakeObserved(Transaction& transaction, const Frame& frame, const std::string& name) {
  for (const Claim& claim : frame.claims) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string owner, transaction.OwnerOf(claim.what));
    if (owner.empty() || owner == name) continue;
    CLEANMAIL_RETURN_IF_ERROR(transaction.Remove(owner, GoneNews(owner)));
  }
  return absl::OkStatus();
}

absl::Status StillHas(std::string_view name, int64_t children, std::string_view what) {
  return absl::FailedPreconditionError(
      base::Cat(name, " still has ", children, " ", what, "; remove them first"));
}

absl::Status MayGo(Transaction& transaction, const v1::Partner& partner) {
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t tenants, transaction.CountOfPartner(partner.name()));
  return tenants == 0 ? absl::OkStatus() : StillHas(partner.name(), tenants, "tenants");
}

absl::Status MayGo(Transaction& transaction, const v1::Tenant& tenant) {
  const std::string_view id = TenantOf(tenant.name());
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t children, transaction.CountOfTenant(id));
  if (children > 0) return StillHas(tenant.name(), children, "domains, users, groups or routes");
  return transaction.DeleteKey(id);
}

absl::Status MayGo(Transaction& transaction, const v1::Domain& domain) {
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t children,
                             transaction.CountOfDomain(IdOf(domain.name())));
  if (children == 0) return absl::OkStatus();
  return StillHas(domain.name(), children, "addresses, routes or alias domains");
}

// A user leaves his groups with him.
absl::Status MayGo(Transaction& transaction, const v1::User& user) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> groups,
                             transaction.GroupsOf(user.name()));
  for (const std::string& name : groups) {
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Group before, Get<v1::Group>(transaction, name));
    v1::Group after = before;
    after.clear_members();
    for (const std::string& member : before.members()) {
      if (member != IdOf(user.name())) after.add_members(member);
    }
    CLEANMAIL_RETURN_IF_ERROR(Save(transaction, &before, after));
  }
  return absl::OkStatus();
}

template <class T>
absl::Status MayGo(Transaction&, const T&) {
  return absl::OkStatus();
}

}  // namespace

std::string EtagOf(std::string_view body) { return crypto::Sha256Hex(body).substr(0, kEtagDigits); }

absl::Status CheckEtag(std::string_view given, std::string_view there) {
  if (given.empty() || given == there) return absl::OkStatus();
  return rpc::WithReason(absl::AbortedError("etag: the resource has changed since; read it again"),
                         "ETAG_MISMATCH");
}

template <class T>
absl::StatusOr<T> FromRow(const Resource& row) {
  T resource;
  google::protobuf::util::JsonParseOptions lenient;
  lenient.ignore_unknown_fields = true;  // rows written by a later version
  if (!google::protobuf::util::JsonStringToMessage(row.body, &resource, lenient).ok())
    return absl::DataLossError(base::Cat(row.name, " cannot be read from the table"));
  resource.set_etag(EtagOf(row.body));
  return resource;
}

template <class T>
absl::StatusOr<std::optional<T>> Find(Transaction& transaction, std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<Resource> row, transaction.Find(name));
  if (!row.has_value() || row->kind != KindOfResource<T>::kKind) return std::nullopt;
  CLEANMAIL_ASSIGN_OR_RETURN(T resource, FromRow<T>(*row));
  return resource;
}

template <class T>
absl::StatusOr<T> Get(Transaction& transaction, std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::optional<T> found, Find<T>(transaction, name));
  if (!found.has_value()) return authz::NoSuchResource();
  return *std::move(found);
}

template <class T>
absl::Status Save(Transaction& transaction, const T* before, T& after) {
  if (before == nullptr) {
    if (const std::string parent = ParentOf(after); !parent.empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, transaction.Exists(parent));
      if (!exists) return Missing(parent);
    }
    if constexpr (std::is_same_v<T, v1::Route>) {
      const std::string domain = DomainName(TenantOf(after.name()), IdOf(after.name()));
      CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, transaction.Exists(domain));
      if (!exists) return Missing(domain);
    }
  }
  CLEANMAIL_ASSIGN_OR_RETURN(Frame frame, Admit(transaction, before, after));
  if constexpr (std::is_same_v<T, v1::User>)
    CLEANMAIL_RETURN_IF_ERROR(TakeObserved(transaction, frame, after.name()));
  std::string body = ToBody(after);
  after.set_etag(EtagOf(body));
  const Resource row{.name = after.name(),
                     .kind = KindOfResource<T>::kKind,
                     .tenant = std::string(TenantOf(after.name())),
                     .domain = std::move(frame.domain),
                     .mark = std::move(frame.mark),
                     .words = absl::AsciiStrToLower(frame.words),
                     .body = std::move(body),
                     .claims = std::move(frame.claims)};
  CLEANMAIL_RETURN_IF_ERROR(transaction.Put(row, before != nullptr, NewsOf(after)));
  if constexpr (std::is_same_v<T, v1::Group>) {
    std::vector<std::string> users;
    for (const std::string& member : after.members())
      users.push_back(base::Cat("tenants/", row.tenant, "/users/", member));
    return transaction.SetMembers(after.name(), users);
  }
  return absl::OkStatus();
}

template <class T>
absl::Status Erase(Transaction& transaction, const T& before) {
  CLEANMAIL_RETURN_IF_ERROR(MayGo(transaction, before));
  return transaction.Remove(before.name(), GoneNews(before.name()));
}

#define INSTANTIATE(T)                                                               \
  template absl::StatusOr<T> FromRow<T>(const Resource&);                            \
  template absl::StatusOr<std::optional<T>> Find<T>(Transaction&, std::string_view); \
  template absl::StatusOr<T> Get<T>(Transaction&, std::string_view);                 \
  template absl::Status Save<T>(Transaction&, const T*, T&);                         \
  template absl::Status Erase<T>(Transaction&, const T&);
INSTANTIATE(v1::Partner)
INSTANTIATE(v1::Tenant)
INSTANTIATE(v1::Domain)
INSTANTIATE(v1::User)
INSTANTIATE(v1::Group)
INSTANTIATE(v1::Route)
INSTANTIATE(v1::ObservedAddress)
#undef INSTANTIATE

}  // namespace cleanmail::provisioning
