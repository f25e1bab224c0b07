#include "services/provisioning/import/batch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "services/provisioning/rules.h"
#include "services/provisioning/writing.h"

namespace cleanmail::provisioning::import {
namespace {

constexpr size_t kMostWords = 320;  // of an address or reason that is told

// Whether a status is about the line and leaves the transaction as it was.
bool IsOfLine(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
         absl::IsNotFound(status) || absl::IsFailedPrecondition(status);
}

template <class T>
bool Same(T a, T b) {
  a.clear_etag();
  b.clear_etag();
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

template <class Line>
absl::StatusOr<LineResult> Batch::Told(const Line& line) {
  LineResult result{.line = line.line, .address = base::Printable(line.address, kMostWords)};
  const absl::StatusOr<Outcome> outcome =
      line.problem.ok() ? Put(line) : absl::StatusOr<Outcome>(line.problem);
  if (outcome.ok()) {
    result.outcome = *outcome;
  } else if (IsOfLine(outcome.status())) {
    result.message = base::Printable(base::View(outcome.status().message()), kMostWords);
  } else {
    return outcome.status();
  }
  return result;
}

absl::StatusOr<LineResult> Batch::Apply(const UserLine& line) { return Told(line); }
absl::StatusOr<LineResult> Batch::Apply(const ObservedLine& line) { return Told(line); }

absl::StatusOr<std::set<std::string>> Batch::GroupsWanted(const UserLine& line) const {
  std::set<std::string> wanted;
  for (const std::string& id : *line.groups) {
    absl::StatusOr<std::string> name =
        NormalName("tenants/*/groups/*", base::Cat("tenants/", tenant_, "/groups/", id));
    if (!name.ok()) {
      return absl::InvalidArgumentError(
          base::Cat("groups: \"", base::Printable(id, 63),
                    "\" is not a group's id: lower-case letters, digits and inner hyphens"));
    }
    wanted.insert(*std::move(name));
  }
  return wanted;
}

void Batch::Move(const std::string& address, const std::set<std::string>& from,
                 const std::set<std::string>& to) {
  for (const std::string& group : to) {
    if (!from.contains(group)) moves_[group].in.insert(address);
  }
  for (const std::string& group : from) {
    if (!to.contains(group)) moves_[group].out.insert(address);
  }
}

absl::StatusOr<Outcome> Batch::Put(const UserLine& line) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, NormalAddress("address", line.address));
  const std::string name = base::Cat("tenants/", tenant_, "/users/", address);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<v1::User> before,
                             Find<v1::User>(transaction_, name));
  v1::User after = before.value_or(v1::User());
  after.set_name(name);
  if (line.display_name.has_value()) after.set_display_name(*line.display_name);
  if (line.policy.has_value()) after.set_policy(*line.policy);
  if (line.aliases.has_value()) {
    after.clear_aliases();
    for (const std::string& alias : *line.aliases) after.add_aliases(alias);
  }
  CLEANMAIL_RETURN_IF_ERROR(Normalize(after));
  std::set<std::string> groups;
  std::set<std::string> wanted;
  if (line.groups.has_value()) {
    CLEANMAIL_ASSIGN_OR_RETURN(wanted, GroupsWanted(line));
    if (before.has_value()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> now, transaction_.GroupsOf(name));
      groups = {now.begin(), now.end()};
    }
  }
  const bool same = before.has_value() && Same(*before, after);
  if (same && groups == wanted) return Outcome::kUnchanged;
  if (!same) {
    CLEANMAIL_RETURN_IF_ERROR(Save(transaction_, before.has_value() ? &*before : nullptr, after));
  }
  Move(address, groups, wanted);
  return before.has_value() ? Outcome::kUpdated : Outcome::kCreated;
}

absl::StatusOr<Outcome> Batch::Put(const ObservedLine& line) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, NormalAddress("address", line.address));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string owner,
                             transaction_.OwnerOf(base::Cat("address/", address)));
  const std::string name = base::Cat("tenants/", tenant_, "/observedAddresses/", address);
  // An account has it already: nothing is left to be looked at.
  if (!owner.empty() && owner != name && TenantOf(owner) == tenant_) return Outcome::kUnchanged;
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<v1::ObservedAddress> before,
                             Find<v1::ObservedAddress>(transaction_, name));
  v1::ObservedAddress after = before.value_or(v1::ObservedAddress());
  after.set_name(name);
  if (line.messages.has_value()) after.set_messages(*line.messages);
  if (line.last_seen.has_value())
    after.mutable_last_seen()->set_seconds(absl::ToUnixSeconds(*line.last_seen));
  CLEANMAIL_RETURN_IF_ERROR(Normalize(after));
  if (before.has_value() && Same(*before, after)) return Outcome::kUnchanged;
  CLEANMAIL_RETURN_IF_ERROR(Save(transaction_, before.has_value() ? &*before : nullptr, after));
  return before.has_value() ? Outcome::kUpdated : Outcome::kCreated;
}

absl::Status Batch::Finish() {
  for (const auto& [name, moves] : moves_) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<v1::Group> before,
                               Find<v1::Group>(transaction_, name));
    v1::Group after = before.value_or(v1::Group());
    after.set_name(name);
    std::set<std::string> members(after.members().begin(), after.members().end());
    members.insert(moves.in.begin(), moves.in.end());
    for (const std::string& gone : moves.out) members.erase(gone);
    after.clear_members();
    for (const std::string& member : members) after.add_members(member);
    CLEANMAIL_RETURN_IF_ERROR(Normalize(after));
    CLEANMAIL_RETURN_IF_ERROR(Save(transaction_, before.has_value() ? &*before : nullptr, after));
  }
  moves_.clear();
  return absl::OkStatus();
}

}  // namespace cleanmail::provisioning::import
