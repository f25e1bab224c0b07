#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"

namespace cleanmail::scanner {

// What findings weigh in the end. Analyzers say what the catalogue and the rules' files say; this
// puts in its place what was fitted (fitted_weights.h, fitted_rules.h), and before that what an
// operator has set. There are two fits, since the catalogue's findings and SpamAssassin's rules say
// the same of many messages: one for scans with those rules, one for scans without. Findings that
// were fitted by nobody keep their weight. A rule whose score an operator has changed in his own
// files keeps it. Where what was taught speaks, what was fitted weighs kBesideLessons of that: both
// judge by the same text. Immutable; thread-safe.
class FindingWeights {
 public:
  FindingWeights() = default;
  // `rules`: SpamAssassin's rules judge too.
  FindingWeights(const v1::Weights& settings, bool rules);

  void Apply(std::vector<mail::v1::Finding>& findings) const;

 private:
  std::map<std::string, double, std::less<>> set_;  // by the operator
  bool fitted_ = false;
  bool rules_ = false;
};

// Whether one of them is by what was taught.
bool LessonsSpeak(const std::vector<mail::v1::Finding>& findings);

}  // namespace cleanmail::scanner
