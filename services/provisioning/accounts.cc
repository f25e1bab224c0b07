#include "services/provisioning/accounts.h"

#include <utility>

#include "google/protobuf/util/field_mask_util.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/provisioning/kinds.h"
#include "services/provisioning/rules.h"
#include "services/provisioning/writing.h"

namespace cleanmail::provisioning {
namespace {

using google::protobuf::util::FieldMaskUtil;

// `update` laid over `resource` where the mask says.
template <class T>
absl::Status Merge(const T& update, google::protobuf::FieldMask mask, T& resource) {
  const bool all = mask.paths_size() == 1 && mask.paths(0) == "*";
  if (mask.paths().empty()) {
    const auto* reflection = update.GetReflection();
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    reflection->ListFields(update, &fields);
    for (const auto* field : fields) mask.add_paths(field->name());
  } else if (all) {
    mask.clear_paths();
    for (int i = 0; i < T::descriptor()->field_count(); ++i)
      mask.add_paths(T::descriptor()->field(i)->name());
  } else if (!FieldMaskUtil::IsValidFieldMask<T>(mask)) {
    return Wrong("update_mask", base::Cat("not all of ", FieldMaskUtil::ToString(mask),
                                          " are fields of the resource"));
  }
  const std::string name = resource.name();
  const std::string etag = resource.etag();
  FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(update, mask, replace, &resource);
  resource.set_name(name);
  resource.set_etag(etag);
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<std::string> NameOf(std::string_view name) {
  return NormalName(KindOfResource<T>::kPattern, name);
}

}  // namespace

template <class T>
absl::Status Accounts::Normal(T& resource) const {
  CLEANMAIL_RETURN_IF_ERROR(Normalize(resource));
  if constexpr (std::is_same_v<T, v1::Route>) return CheckDestinations(resource, destinations_);
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<T> Accounts::Create(T resource) {
  CLEANMAIL_RETURN_IF_ERROR(Normal(resource));
  CLEANMAIL_RETURN_IF_ERROR(store_.Change([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool taken, transaction.Exists(resource.name()));
    if (taken) return absl::AlreadyExistsError(base::Cat(resource.name(), " already exists"));
    return Save<T>(transaction, nullptr, resource);
  }));
  return resource;
}

template <class T>
absl::StatusOr<T> Accounts::Get(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string normal, NameOf<T>(name));
  absl::StatusOr<T> found = authz::NoSuchResource();
  CLEANMAIL_RETURN_IF_ERROR(store_.Ask([&](Transaction& transaction) -> absl::Status {
    found = provisioning::Get<T>(transaction, normal);
    return absl::OkStatus();
  }));
  return found;
}

template <class T>
absl::StatusOr<Changed<T>> Accounts::Update(T resource, const google::protobuf::FieldMask& mask,
                                            Guard<T> guard) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<T>(resource.name()));
  Changed<T> changed;
  CLEANMAIL_RETURN_IF_ERROR(store_.Change([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(changed.before, provisioning::Get<T>(transaction, name));
    CLEANMAIL_RETURN_IF_ERROR(CheckEtag(resource.etag(), changed.before.etag()));
    changed.after = changed.before;
    CLEANMAIL_RETURN_IF_ERROR(Merge(resource, mask, changed.after));
    CLEANMAIL_RETURN_IF_ERROR(Normal(changed.after));
    CLEANMAIL_RETURN_IF_ERROR(guard(changed.before, changed.after));
    return Save(transaction, &changed.before, changed.after);
  }));
  return changed;
}

template <class T>
absl::StatusOr<T> Accounts::Delete(std::string_view name, std::string_view etag) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string normal, NameOf<T>(name));
  T before;
  CLEANMAIL_RETURN_IF_ERROR(store_.Change([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(before, provisioning::Get<T>(transaction, normal));
    CLEANMAIL_RETURN_IF_ERROR(CheckEtag(etag, before.etag()));
    return Erase(transaction, before);
  }));
  return before;
}

template <class T>
absl::StatusOr<Page<T>> Accounts::List(const Narrowing& narrowing, std::string_view after,
                                       int32_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Resource> rows,
                             store_.List(KindOfResource<T>::kKind, narrowing, after, limit));
  Page<T> page;
  for (const Resource& row : rows) {
    CLEANMAIL_ASSIGN_OR_RETURN(T item, FromRow<T>(row));
    page.items.push_back(std::move(item));
  }
  if (static_cast<int32_t>(rows.size()) == limit) page.next_key = rows.back().name;
  return page;
}

absl::StatusOr<std::vector<std::vector<std::string>>> Accounts::GroupsOf(
    const std::vector<v1::User>& users) {
  std::vector<std::vector<std::string>> all;
  CLEANMAIL_RETURN_IF_ERROR(store_.Ask([&](Transaction& transaction) -> absl::Status {
    for (const v1::User& user : users) {
      CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> names, transaction.GroupsOf(user.name()));
      for (std::string& name : names) name = IdOf(name);
      all.push_back(std::move(names));
    }
    return absl::OkStatus();
  }));
  return all;
}

absl::StatusOr<Changed<v1::Domain>> Accounts::GoLive(std::string_view name) {
  v1::Domain live;
  live.set_name(std::string(name));
  live.set_state(v1::DOMAIN_STATE_LIVE);
  google::protobuf::FieldMask mask;
  mask.add_paths("state");
  return Update<v1::Domain>(live, mask, [](const auto&, const auto&) { return absl::OkStatus(); });
}

absl::StatusOr<Accounts::Readiness> Accounts::LookAt(std::string_view domain_name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<v1::Domain>(domain_name));
  Readiness readiness;
  CLEANMAIL_RETURN_IF_ERROR(store_.Ask([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(readiness.domain, provisioning::Get<v1::Domain>(transaction, name));
    const v1::Domain& domain = readiness.domain;
    const std::string tenant = base::Cat("tenants/", TenantOf(name));
    CLEANMAIL_ASSIGN_OR_RETURN(readiness.has_route, transaction.Exists(base::Cat(
                                                        tenant, "/routes/", IdOf(domain.name()))));
    const std::string_view home =
        domain.alias_of().empty() ? IdOf(domain.name()) : std::string_view(domain.alias_of());
    if (!domain.alias_of().empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const auto target, Find<v1::Domain>(transaction, base::Cat(tenant, "/domains/", home)));
      if (target.has_value() && target->state() == v1::DOMAIN_STATE_STAGED)
        readiness.warnings.push_back(
            base::Cat(home, ", which it is an alias of, is staged: no mail is taken"));
    } else if (domain.recipient_mode() == v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED) {
      CLEANMAIL_ASSIGN_OR_RETURN(const int64_t addresses, transaction.CountOfAddresses(home));
      if (addresses == 0)
        readiness.warnings.emplace_back(
            "accounts are required and there is none: every recipient will be refused");
    }
    if (domain.delivery_off())
      readiness.warnings.emplace_back("delivery is switched off: mail will be taken and queued");
    return absl::OkStatus();
  }));
  return readiness;
}

absl::StatusOr<Changed<v1::User>> Accounts::MakeAlias(std::string_view observed,
                                                      std::string_view user,
                                                      Guard<v1::User> guard) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, NameOf<v1::ObservedAddress>(observed));
  absl::StatusOr<std::string> of = NameOf<v1::User>(user);
  if (!of.ok()) return Wrong("of", base::View(of.status().message()));
  if (TenantOf(address) != TenantOf(*of)) return authz::NoSuchResource();
  Changed<v1::User> changed;
  CLEANMAIL_RETURN_IF_ERROR(store_.Change([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        provisioning::Get<v1::ObservedAddress>(transaction, address).status());
    CLEANMAIL_ASSIGN_OR_RETURN(changed.before, provisioning::Get<v1::User>(transaction, *of));
    changed.after = changed.before;
    changed.after.add_aliases(std::string(IdOf(address)));
    CLEANMAIL_RETURN_IF_ERROR(Normalize(changed.after));
    CLEANMAIL_RETURN_IF_ERROR(guard(changed.before, changed.after));
    return Save(transaction, &changed.before, changed.after);
  }));
  return changed;
}

#define INSTANTIATE(T)                                                                           \
  template absl::StatusOr<T> Accounts::Create<T>(T);                                             \
  template absl::StatusOr<T> Accounts::Get<T>(std::string_view);                                 \
  template absl::StatusOr<Changed<T>> Accounts::Update<T>(T, const google::protobuf::FieldMask&, \
                                                          Guard<T>);                             \
  template absl::StatusOr<T> Accounts::Delete<T>(std::string_view, std::string_view);            \
  template absl::StatusOr<Page<T>> Accounts::List<T>(const Narrowing&, std::string_view, int32_t);
INSTANTIATE(v1::Partner)
INSTANTIATE(v1::Tenant)
INSTANTIATE(v1::Domain)
INSTANTIATE(v1::User)
INSTANTIATE(v1::Group)
INSTANTIATE(v1::Route)
INSTANTIATE(v1::ObservedAddress)
#undef INSTANTIATE

}  // namespace cleanmail::provisioning
