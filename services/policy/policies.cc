#include "services/policy/policies.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/mail/address/utf8.h"
#include "services/policy/masked.h"
#include "services/policy/rule_book.h"
#include "services/policy/rules/rule_set.h"

namespace cleanmail::policy {
namespace {

constexpr size_t kMostPolicies = 200;
constexpr size_t kLongestComment = 500;

absl::Status NotFound() { return absl::NotFoundError("no such resource"); }

std::string NameOf(const PolicyEdit& edit) {
  return base::Cat("tenants/", edit.tenant, "/policies/", edit.policy);
}

// What is in force: what the tenant has made, or what was recommended.
std::optional<v1::Policy> InForce(std::string_view tenant, std::string_view policy,
                                  const PolicyState& state) {
  return state.current.has_value() ? state.current : RecommendedPolicy(tenant, policy);
}

absl::Status CheckComment(const std::string& comment) {
  if (comment.size() > kLongestComment || !mail::address::IsPrintableUtf8(comment))
    return absl::InvalidArgumentError(base::Cat("comment: at most ", kLongestComment,
                                                " bytes of UTF-8 without control characters"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::Policy>> Policies::List(std::string_view tenant) const {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::Policy> policies, store_.ListPolicies(tenant));
  for (v1::Policy& recommended : RecommendedPolicies(tenant)) {
    if (std::ranges::find(policies, recommended.name(), &v1::Policy::name) == policies.end())
      policies.push_back(std::move(recommended));
  }
  std::ranges::sort(policies, {}, &v1::Policy::name);
  return policies;
}

absl::StatusOr<v1::Policy> Policies::Get(std::string_view tenant, std::string_view policy) const {
  CLEANMAIL_ASSIGN_OR_RETURN(const PolicyState state, store_.GetPolicy(tenant, policy));
  std::optional<v1::Policy> found = InForce(tenant, policy, state);
  if (!found.has_value()) return NotFound();
  return *std::move(found);
}

absl::StatusOr<v1::PolicyVersion> Policies::NewVersion(const PolicyEdit& edit,
                                                       const PolicyState& state,
                                                       v1::Policy policy) const {
  const int64_t now = base::NowMicros(clock_);
  policy.set_name(NameOf(edit));
  if (policy.hold_score() == 0) policy.set_hold_score(5.0);
  policy.set_version(state.last_version + 1);
  policy.set_etag(EtagOf(policy.version()));
  policy.set_author(edit.author);
  policy.mutable_update_time()->set_seconds(now / 1'000'000);
  policy.mutable_update_time()->set_nanos(static_cast<int32_t>(now % 1'000'000 * 1000));
  CLEANMAIL_RETURN_IF_ERROR(RuleSet::Compile(policy).status());
  v1::PolicyVersion version;
  version.set_name(base::Cat(policy.name(), "/versions/", policy.version()));
  version.set_comment(edit.comment);
  *version.mutable_policy() = std::move(policy);
  return version;
}

absl::StatusOr<v1::Policy> Policies::Create(const PolicyEdit& edit, v1::Policy policy) const {
  if (!IsId(edit.policy))
    return absl::InvalidArgumentError(
        base::Cat("policy_id: \"", base::Printable(edit.policy, 100),
                  "\" is not an id: 1 to 63 lower-case letters, digits and inner hyphens"));
  CLEANMAIL_RETURN_IF_ERROR(CheckComment(edit.comment));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<v1::Policy> all, List(edit.tenant));
  if (all.size() >= kMostPolicies)
    return absl::ResourceExhaustedError(
        base::Cat("a tenant has at most ", kMostPolicies, " policies"));
  CLEANMAIL_ASSIGN_OR_RETURN(
      v1::PolicyVersion made,
      store_.ChangePolicy(edit.tenant, edit.policy,
                          [&](const PolicyState& state) -> absl::StatusOr<v1::PolicyVersion> {
                            if (InForce(edit.tenant, edit.policy, state).has_value())
                              return absl::AlreadyExistsError(
                                  base::Cat("policy ", edit.policy, " already exists"));
                            return NewVersion(edit, state, policy);
                          }));
  return std::move(*made.mutable_policy());
}

absl::StatusOr<Change<v1::Policy>> Policies::Update(const PolicyEdit& edit,
                                                    const v1::Policy& policy,
                                                    const google::protobuf::FieldMask& mask) const {
  CLEANMAIL_RETURN_IF_ERROR(CheckComment(edit.comment));
  std::optional<v1::Policy> before;
  CLEANMAIL_ASSIGN_OR_RETURN(
      v1::PolicyVersion made,
      store_.ChangePolicy(edit.tenant, edit.policy,
                          [&](const PolicyState& state) -> absl::StatusOr<v1::PolicyVersion> {
                            before = InForce(edit.tenant, edit.policy, state);
                            if (!before.has_value()) return NotFound();
                            CLEANMAIL_RETURN_IF_ERROR(CheckEtag(edit.etag, before->etag()));
                            CLEANMAIL_ASSIGN_OR_RETURN(v1::Policy merged,
                                                       Masked(*before, policy, mask));
                            return NewVersion(edit, state, std::move(merged));
                          }));
  return Change<v1::Policy>{.before = std::move(before), .after = *made.mutable_policy()};
}

absl::StatusOr<Change<v1::Policy>> Policies::Rollback(const PolicyEdit& edit,
                                                      int64_t version) const {
  CLEANMAIL_RETURN_IF_ERROR(CheckComment(edit.comment));
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::PolicyVersion old,
                             GetVersion(edit.tenant, edit.policy, version));
  std::optional<v1::Policy> before;
  CLEANMAIL_ASSIGN_OR_RETURN(
      v1::PolicyVersion made,
      store_.ChangePolicy(edit.tenant, edit.policy,
                          [&](const PolicyState& state) -> absl::StatusOr<v1::PolicyVersion> {
                            before = InForce(edit.tenant, edit.policy, state);
                            CLEANMAIL_RETURN_IF_ERROR(
                                CheckEtag(edit.etag, before.has_value() ? before->etag() : ""));
                            CLEANMAIL_ASSIGN_OR_RETURN(v1::PolicyVersion next,
                                                       NewVersion(edit, state, old.policy()));
                            next.set_rolled_back_to(version);
                            return next;
                          }));
  return Change<v1::Policy>{.before = std::move(before), .after = *made.mutable_policy()};
}

absl::StatusOr<v1::Policy> Policies::Delete(const PolicyEdit& edit) const {
  v1::Policy before;
  CLEANMAIL_RETURN_IF_ERROR(
      store_.DeletePolicy(edit.tenant, edit.policy, [&](const PolicyState& state) {
        before = *state.current;
        return CheckEtag(edit.etag, before.etag());
      }));
  return before;
}

absl::StatusOr<v1::PolicyVersion> Policies::GetVersion(std::string_view tenant,
                                                       std::string_view policy,
                                                       int64_t version) const {
  if (version != 0) return store_.GetVersion(tenant, policy, version);
  std::optional<v1::Policy> recommended = RecommendedPolicy(tenant, policy);
  if (!recommended.has_value()) return NotFound();
  v1::PolicyVersion original;
  original.set_name(base::Cat(recommended->name(), "/versions/0"));
  *original.mutable_policy() = *std::move(recommended);
  return original;
}

absl::StatusOr<std::vector<v1::PolicyVersion>> Policies::ListVersions(std::string_view tenant,
                                                                      std::string_view policy,
                                                                      int64_t before,
                                                                      int64_t limit) const {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::PolicyVersion> versions,
                             store_.ListVersions(tenant, policy, before, limit));
  if (static_cast<int64_t>(versions.size()) < limit && before > 0) {
    absl::StatusOr<v1::PolicyVersion> original = GetVersion(tenant, policy, 0);
    if (original.ok()) versions.push_back(*std::move(original));
  }
  return versions;
}

absl::StatusOr<v1::PolicySettings> Policies::GetSettings(std::string_view tenant) const {
  CLEANMAIL_ASSIGN_OR_RETURN(std::optional<v1::PolicySettings> settings,
                             store_.GetSettings(tenant));
  v1::PolicySettings found = settings.has_value() ? *std::move(settings) : StandardSettings();
  found.set_name(base::Cat("tenants/", tenant, "/policySettings"));
  return found;
}

absl::StatusOr<Change<v1::PolicySettings>> Policies::UpdateSettings(
    std::string_view tenant, const v1::PolicySettings& settings,
    const google::protobuf::FieldMask& mask) const {
  const std::string name = base::Cat("tenants/", tenant, "/policySettings");
  v1::PolicySettings before;
  CLEANMAIL_ASSIGN_OR_RETURN(
      v1::PolicySettings after,
      store_.ChangeSettings(
          tenant,
          [&](const std::optional<v1::PolicySettings>& current)
              -> absl::StatusOr<v1::PolicySettings> {
            before = current.has_value() ? *current : StandardSettings();
            before.set_name(name);
            CLEANMAIL_RETURN_IF_ERROR(CheckEtag(settings.etag(), before.etag()));
            CLEANMAIL_ASSIGN_OR_RETURN(v1::PolicySettings merged, Masked(before, settings, mask));
            merged.set_name(name);
            if (merged.remember_days() < 1 || merged.remember_days() > 365)
              return absl::InvalidArgumentError("settings.remember_days: 1 to 365 is needed");
            if (!v1::PolicySettings::CouldNotScan_IsValid(merged.could_not_scan()))
              return absl::InvalidArgumentError("settings.could_not_scan: not a value we know");
            if (merged.could_not_scan_banner().ByteSizeLong() > 20'000)
              return absl::InvalidArgumentError("settings.could_not_scan_banner: too long");
            if (!v1::PolicySettings::NewsletterMark_IsValid(merged.newsletter_mark()))
              return absl::InvalidArgumentError("settings.newsletter_mark: not a value we know");
            if (!merged.newsletter_tag().empty()) {
              v1::RuleAction tag;
              tag.set_tag_subject(merged.newsletter_tag());
              if (!CheckAction(tag).ok())
                return absl::InvalidArgumentError(
                    "settings.newsletter_tag: at most 50 characters, none of them controls");
            }
            return merged;
          }));
  return Change<v1::PolicySettings>{.before = std::move(before), .after = std::move(after)};
}

}  // namespace cleanmail::policy
