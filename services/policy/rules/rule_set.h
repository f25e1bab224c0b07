#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::policy {

// What a rule sees of a scanned message.
struct Scanned {
  std::vector<mail::v1::Finding> findings;
  double score = 0;
};

// What is to be done, and who says so.
struct Decision {
  mail::v1::DispositionKind disposition = mail::v1::DISPOSITION_KIND_DELIVER;
  mail::v1::HoldKind hold_kind = mail::v1::HOLD_KIND_UNSPECIFIED;
  std::string rule;    // "standard/malware"
  std::string reason;  // one sentence for people
};

// A tenant's way of deciding: rules in order, the first whose condition holds decides; the last one
// always holds. A value.
class RuleSet {
 public:
  // The two recommended policies every tenant has from the start. Both judge alike; they differ in
  // whether users get a quarantine report. An unknown name gives "standard".
  static const RuleSet& Recommended(std::string_view policy);

  const std::string& name() const { return name_; }
  const std::string& display_name() const { return display_name_; }
  double hold_score() const { return hold_score_; }
  bool quarantine_report() const { return quarantine_report_; }

  Decision Decide(const Scanned& scanned) const;

 private:
  struct Rule {
    std::string name;
    std::function<bool(const Scanned&)> holds;
    mail::v1::DispositionKind disposition;
    mail::v1::HoldKind hold_kind;
    std::function<std::string(const Scanned&)> reason;
  };
  RuleSet(std::string name, std::string display_name, double hold_score, bool quarantine_report);

  std::string name_;
  std::string display_name_;
  double hold_score_;
  bool quarantine_report_;
  std::vector<Rule> rules_;
};

}  // namespace cleanmail::policy
