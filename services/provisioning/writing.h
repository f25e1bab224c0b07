#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/provisioning/kinds.h"
#include "services/provisioning/store.h"

// Resources inside a transaction: read, checked against what else there is, written with their
// news. T is any of kinds.h. Resources are in their normal form (rules.h).
namespace cleanmail::provisioning {

// A resource from its row, with its etag.
template <class T>
absl::StatusOr<T> FromRow(const Resource& row);

template <class T>
absl::StatusOr<std::optional<T>> Find(Transaction& transaction, std::string_view name);
// NotFound in the words of authz::NoSuchResource.
template <class T>
absl::StatusOr<T> Get(Transaction& transaction, std::string_view name);

// Checks `after` against everything else and writes it over `before` (null: it is new); its etag is
// set. AlreadyExists, InvalidArgument, NotFound, FailedPrecondition: nothing was written and the
// transaction may go on. News of what changes along with it (an observed address a user takes) is
// told too.
template <class T>
absl::Status Save(Transaction& transaction, const T* before, T& after);

// Removes a resource that nothing depends on; with a user, his memberships.
template <class T>
absl::Status Erase(Transaction& transaction, const T& before);

// Aborted, ETAG_MISMATCH, unless `given` is empty or what there is.
absl::Status CheckEtag(std::string_view given, std::string_view there);

// The etag of a resource's state.
std::string EtagOf(std::string_view body);

}  // namespace cleanmail::provisioning
