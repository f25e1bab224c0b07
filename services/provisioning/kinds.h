#pragma once

#include <string_view>

#include "proto/cleanmail/provisioning/v1/events.pb.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {

// What the code for all kinds of resources must know of each.
template <class T>
struct KindOfResource;

template <>
struct KindOfResource<v1::Partner> {
  static constexpr Kind kKind = Kind::kPartner;
  static constexpr std::string_view kPattern = "partners/*";
  static v1::Partner* In(v1::DirectoryChanged& news) { return news.mutable_partner(); }
};
template <>
struct KindOfResource<v1::Tenant> {
  static constexpr Kind kKind = Kind::kTenant;
  static constexpr std::string_view kPattern = "tenants/*";
  static v1::Tenant* In(v1::DirectoryChanged& news) { return news.mutable_tenant(); }
};
template <>
struct KindOfResource<v1::Domain> {
  static constexpr Kind kKind = Kind::kDomain;
  static constexpr std::string_view kPattern = "tenants/*/domains/*";
  static v1::Domain* In(v1::DirectoryChanged& news) { return news.mutable_domain(); }
};
template <>
struct KindOfResource<v1::User> {
  static constexpr Kind kKind = Kind::kUser;
  static constexpr std::string_view kPattern = "tenants/*/users/*";
  static v1::User* In(v1::DirectoryChanged& news) { return news.mutable_user(); }
};
template <>
struct KindOfResource<v1::Group> {
  static constexpr Kind kKind = Kind::kGroup;
  static constexpr std::string_view kPattern = "tenants/*/groups/*";
  static v1::Group* In(v1::DirectoryChanged& news) { return news.mutable_group(); }
};
template <>
struct KindOfResource<v1::Route> {
  static constexpr Kind kKind = Kind::kRoute;
  static constexpr std::string_view kPattern = "tenants/*/routes/*";
  static v1::Route* In(v1::DirectoryChanged& news) { return news.mutable_route(); }
};
template <>
struct KindOfResource<v1::ObservedAddress> {
  static constexpr Kind kKind = Kind::kObserved;
  static constexpr std::string_view kPattern = "tenants/*/observedAddresses/*";
  static v1::ObservedAddress* In(v1::DirectoryChanged& news) {
    return news.mutable_observed_address();
  }
};

}  // namespace cleanmail::provisioning
