#pragma once

#include <string>

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// The line between spam and the rest (the recommended policies hold from here on).
inline constexpr double kSpamScore = 5.0;

// What a message is as a whole.
struct Category {
  mail::v1::MessageCategory category = mail::v1::MESSAGE_CATEGORY_UNSPECIFIED;
  std::string reason;  // one sentence, at most 300 characters; evidence in it is hostile text
};

// By the first of these that holds: malware was found; the score is at or above kSpamScore, and
// findings of phishing make a good part of it (phishing), or not (spam); then what kind of mail it
// says it is (bounce, newsletter, bulk, notification); else personal.
Category DecideCategory(const Findings& findings, double score);

// "newsletter"; "undecided" for UNSPECIFIED.
std::string CategoryWord(mail::v1::MessageCategory category);

}  // namespace cleanmail::scanner
