#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "libs/refusals/refusals.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"
#include "services/policy/list_hits.h"
#include "services/policy/metrics.h"
#include "services/policy/rule_book.h"
#include "services/policy/scopes.h"

namespace cleanmail::policy {

// What a message is and what was found in it. All outlive it.
struct Case {
  const mail::v1::Message& message;
  const google::protobuf::RepeatedPtrField<mail::v1::Finding>& findings;
  const mail::v1::MessageFacts& facts;
  double score = 0;
};

// Which policy was taken for somebody, and why.
struct Chosen {
  std::shared_ptr<const RuleSet> rules;
  std::string scope;  // "user", "group/{id}", "domain", "tenant", "default"
};

// Puts a policy in the place of the book's: for a dry run.
struct Replacement {
  std::shared_ptr<const RuleSet> rules;
};

// What was decided for a message.
struct Judgement {
  // Every recipient in exactly one group, those with one fate together.
  std::vector<mail::v1::RecipientGroup> groups;
  // List entries that decided for one of them.
  std::vector<std::string> entries;
};

// Decides by the rules of the message's tenant. Thread-safe.
class Evaluation {
 public:
  Evaluation(const directory::Directory& directory, const RuleBook& book, const base::Clock& clock,
             ListHits& hits, Metrics& metrics)
      : directory_(directory), book_(book), clock_(clock), hits_(hits), metrics_(metrics) {}

  // Unavailable until directory and rules are complete; InvalidArgument for a message without
  // tenant or recipients.
  absl::StatusOr<std::vector<mail::v1::RecipientGroup>> Dispose(const Case& scanned) const;
  // The same without counting anything; `instead`, if not null, stands in for the policy of its id.
  Judgement Judge(const Case& scanned, const Replacement* instead) const;

  // One decision for each recipient of a transaction, in order, before its data. A tenant that left
  // while the client was speaking is refused; so is mail of a tenant's server that names no valid
  // tenant. Unavailable as above.
  absl::StatusOr<std::vector<v1::EnvelopeDecision>> Admit(
      const v1::EvaluateEnvelopeRequest& request) const;
  // The decision for a message whose header is known. Unavailable as above.
  absl::StatusOr<v1::EnvelopeDecision> AdmitHeaders(
      const v1::EvaluateHeadersRequest& request) const;

  // The decision for a message that was scanned while the client waits: refused where a rule
  // refuses it for every recipient; else what Dispose says comes later. Unavailable as above.
  absl::StatusOr<v1::EnvelopeDecision> AdmitScanned(const Case& scanned) const;

  // The policy of somebody whose standing is known.
  Chosen Choose(std::string_view tenant, const Standing& standing) const;

  // Whether directory and rules can be trusted to be whole.
  bool ready() const { return directory_.complete() && book_.complete(); }

 private:
  // Collects what applies to one recipient.
  struct Applied {
    Standing standing;
    Chosen chosen;
    ListAnswer lists;
  };
  Applied Apply(std::string_view tenant, const Subject& subject, std::string_view recipient,
                const Replacement* instead) const;
  static bool SameFate(const Applied& a, const Applied& b);
  static mail::v1::RecipientGroup JudgeOne(const Subject& subject, std::string_view recipient,
                                           const Applied& applied,
                                           const v1::PolicySettings& settings,
                                           std::vector<std::string>& entries);
  // The order of README.md for one recipient.
  static Outcome Decide(const Subject& subject, std::string_view recipient, const Applied& applied,
                        const v1::PolicySettings& settings);
  v1::EnvelopeDecision AdmitOne(const Subject& subject, const v1::AddressedRecipient& to) const;

  const directory::Directory& directory_;
  const RuleBook& book_;
  const base::Clock& clock_;
  ListHits& hits_;
  Metrics& metrics_;
};

}  // namespace cleanmail::policy
