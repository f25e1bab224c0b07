#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::mail::auth::dmarc {

enum class Policy { kNone, kQuarantine, kReject };
std::string_view ToText(Policy policy);

enum class Alignment { kRelaxed, kStrict };

// psd= (RFC 9989 §4.7): whether the domain is one under which others register.
enum class SuffixFlag { kUnknown, kYes, kNo };

inline constexpr size_t kMaxRecordBytes = 4 * 1024;

// A policy record (RFC 9989 §4.7) as published.
struct Record {
  Policy policy = Policy::kNone;                     // p=
  std::optional<Policy> subdomains = std::nullopt;   // sp=
  std::optional<Policy> nonexistent = std::nullopt;  // np=
  Alignment dkim = Alignment::kRelaxed;              // adkim=
  Alignment spf = Alignment::kRelaxed;               // aspf=
  SuffixFlag suffix = SuffixFlag::kUnknown;          // psd=
  bool testing = false;  // t=y, or RFC 7489's pct=0, which meant the same
  int percent = 100;     // pct= of RFC 7489, for reports; other values change nothing
  std::vector<std::string> aggregate = {};  // rua=: URIs
  std::vector<std::string> failure = {};    // ruf=
  std::string failure_options = "0";        // fo=
};

// Whether a TXT text is a DMARC record at all: it begins with v=DMARC1.
bool IsRecord(std::string_view text);

// Unknown tags and values of optional tags that make no sense are passed over, as the RFC says
// (§4.7); nullopt where no policy can be read and no address for reports stands in for it (then
// p=none applies).
std::optional<Record> ParseRecord(std::string_view text);

}  // namespace cleanmail::mail::auth::dmarc
