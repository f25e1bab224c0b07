#include <algorithm>

#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "services/scanner/api.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kMostRulesTold = 20'000;

constexpr authz::Target kRuleSet = {.tenant = authz::kWholeInstallation, .resource = "ruleSet"};

absl::Status NoRules() {
  return rpc::WithReason(
      absl::NotFoundError("no spam rules are configured: set scanner.spam_rules"), "NO_RULES");
}

// The set in use; without its rules when they are not asked for.
void Tell(const spam::RuleSets& sets, bool with_rules, v1::RuleSet& reply) {
  const auto present = sets.present();
  if (!present) return;
  reply.set_version(present->number);
  *reply.mutable_use_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(present->since));
  reply.set_digest(present->digest);
  reply.set_files(static_cast<int32_t>(present->files));
  const std::vector<spam::RuleStatus> rules = present->rules->Status();
  reply.set_rule_count(static_cast<int32_t>(rules.size()));
  reply.set_active_count(static_cast<int32_t>(std::count_if(
      rules.begin(), rules.end(), [](const spam::RuleStatus& rule) { return rule.active; })));
  if (const auto previous = sets.previous()) reply.set_previous_digest(previous->digest);
  for (const spam::RuleProblem& problem : present->rules->problems()) {
    reply.add_problems(
        base::Printable(base::Cat(problem.file, ":", problem.line, ": ", problem.what)));
  }
  for (size_t i = 0; with_rules && i < rules.size() && i < kMostRulesTold; ++i) {
    v1::SpamRule& rule = *reply.add_rules();
    rule.set_name(rules[i].name);
    rule.set_description(base::Printable(rules[i].description));
    rule.set_score(rules[i].score);
    rule.set_active(rules[i].active);
    rule.set_reason(base::Printable(rules[i].reason));
  }
}

}  // namespace

grpc::Status Api::GetRuleSet(grpc::ServerContext* rpc, const v1::GetRuleSetRequest*,
                             v1::RuleSet* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, authz::Permission::kReadRules, kRuleSet));
    if (!rules_) return NoRules();
    Tell(rules_->sets, true, *reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::ReloadRuleSet(grpc::ServerContext* rpc, const v1::ReloadRuleSetRequest*,
                                v1::RuleSet* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, authz::Permission::kChangeRules, kRuleSet));
    if (!rules_) return NoRules();
    CLEANMAIL_RETURN_IF_ERROR(rules_->sets.Load());
    rules_->agreement.Tell();
    Tell(rules_->sets, false, *reply);
    authz_.Changed(caller, authz::Permission::kChangeRules, kRuleSet, nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::RollBackRuleSet(grpc::ServerContext* rpc, const v1::RollBackRuleSetRequest*,
                                  v1::RuleSet* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, authz::Permission::kChangeRules, kRuleSet));
    if (!rules_) return NoRules();
    if (const absl::Status back = rules_->sets.GoBack(); !back.ok())
      return rpc::WithReason(back, "NO_EARLIER_RULES");
    rules_->agreement.Tell();
    Tell(rules_->sets, false, *reply);
    authz_.Changed(caller, authz::Permission::kChangeRules, kRuleSet, nullptr, reply);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::scanner
