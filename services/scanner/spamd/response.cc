#include "services/scanner/spamd/response.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "services/scanner/category/category.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner::spamd {
namespace {

using mail::v1::Finding;
using mail::v1::ScanResult;

constexpr size_t kLongestLine = 76;
constexpr int kMostStars = 50;
constexpr size_t kLongestWhy = 300;

// A finding's name, which may be a rule's of the operator's own, safe within a list.
std::string SafeName(const std::string& name) {
  std::string safe = name;
  std::ranges::replace_if(
      safe, [](char c) { return c <= ' ' || c == ',' || c == '\\' || c >= 0x7f; }, '_');
  return safe;
}

std::vector<std::string> NamesOf(const ScanResult& scan) {
  std::vector<std::string> names;
  for (const Finding& finding : scan.findings()) {
    std::string name = SafeName(finding.name());
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += base::Cat(text.empty() ? "" : ",", name);
  return text;
}

// "Yes, score=…", folded where a line would be too long; lines end with `end`.
std::string StatusField(const ScanResult& scan, const Speaker& speaker, std::string_view end) {
  std::string field = absl::StrFormat("X-Spam-Status: %s, score=%.1f required=%.1f tests=",
                                      IsSpam(scan) ? "Yes" : "No", scan.score(), kSpamScore);
  size_t line = field.size();
  const auto add = [&](std::string_view word, bool first) {
    if (!first && line + word.size() > kLongestLine) {
      field += base::Cat(end, "\t");
      line = 8;
    }
    field += word;
    line += word.size();
  };
  const std::vector<std::string> names = NamesOf(scan);
  if (names.empty()) add("none", true);
  for (size_t i = 0; i < names.size(); ++i)
    add(base::Cat(names[i], i + 1 < names.size() ? "," : ""), i == 0);
  field += base::Cat(end, "\tautolearn=no category=", CategoryWord(scan.facts().category()),
                     " version=cleanmail-", speaker.version, end);
  return field;
}

std::string Fields(const ScanResult& scan, const Speaker& speaker, std::string_view end) {
  std::string fields;
  if (IsSpam(scan)) fields += base::Cat("X-Spam-Flag: YES", end);
  const int stars = std::clamp(static_cast<int>(scan.score()), 0, kMostStars);
  if (stars > 0) fields += base::Cat("X-Spam-Level: ", std::string(stars, '*'), end);
  fields += StatusField(scan, speaker, end);
  return fields + base::Cat("X-Spam-Checker-Version: Cleanmail ", speaker.version, " on ",
                            speaker.host_name, end);
}

// A line of `text` from `at`, its end included.
std::string_view LineAt(std::string_view text, size_t at) {
  const size_t end = text.find('\n', at);
  return text.substr(at, end == text.npos ? text.npos : end + 1 - at);
}

bool IsBlank(std::string_view line) { return line == "\n" || line == "\r\n"; }
bool IsFolded(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

struct Parts {
  std::string header;     // marked, the empty line included
  std::string_view body;  // as it came
};

Parts MarkedParts(std::string_view message, const ScanResult& scan, const Speaker& speaker) {
  const std::string_view first = LineAt(message, 0);
  const std::string_view end = first.ends_with("\r\n") ? "\r\n" : "\n";
  size_t at = 0;
  Parts parts;
  if (first.starts_with("From ")) {  // of a mailbox file
    parts.header = first;
    at = first.size();
  }
  parts.header += Fields(scan, speaker, end);
  bool dropping = false;
  while (at < message.size()) {
    const std::string_view line = LineAt(message, at);
    at += line.size();
    if (IsBlank(line)) {
      parts.header += line;
      break;
    }
    if (!IsFolded(line)) dropping = absl::StartsWithIgnoreCase(base::AbslView(line), "X-Spam-");
    if (!dropping) parts.header += line;
  }
  parts.body = message.substr(at);
  return parts;
}

std::string MeaningOf(const Finding& finding) {
  const auto id = FindingNamed(finding.name());
  if (!id.has_value()) return finding.evidence();
  const std::string meaning(EntryOf(*id).meaning);
  return finding.evidence().empty() ? meaning : base::Cat(meaning, " (", finding.evidence(), ")");
}

std::string ReportOn(const ScanResult& scan, const Speaker& speaker) {
  std::string report = absl::StrFormat(
      "Cleanmail %s on %s: %.1f points, %.1f are spam; %s.\r\n%s\r\n\r\n"
      "  pts finding                        what it means\r\n"
      "----- ------------------------------ ------------------------------------------\r\n",
      speaker.version, speaker.host_name, scan.score(), kSpamScore,
      CategoryWord(scan.facts().category()),
      base::Printable(scan.facts().category_reason(), kLongestWhy));
  for (const Finding& finding : scan.findings())
    report += absl::StrFormat("%5.1f %-30s %s\r\n", finding.weight(), SafeName(finding.name()),
                              MeaningOf(finding));
  return report;
}

std::string TextFor(const RequestReader& request, const ScanResult& scan, const Speaker& speaker) {
  switch (request.verb()) {
    case Verb::kSymbols:
      return base::Cat(Joined(NamesOf(scan)), "\r\n");
    case Verb::kReport:
      return ReportOn(scan, speaker);
    case Verb::kReportIfSpam:
      return IsSpam(scan) ? ReportOn(scan, speaker) : "";
    case Verb::kProcess:
      return Marked(request.message(), scan, speaker);
    case Verb::kHeaders:
      return MarkedParts(request.message(), scan, speaker).header;
    case Verb::kPing:
    case Verb::kSkip:
    case Verb::kCheck:
    case Verb::kTell:
      return "";
  }
  return "";
}

}  // namespace

bool IsSpam(const ScanResult& scan) {
  return scan.score() >= kSpamScore ||
         scan.facts().category() == mail::v1::MESSAGE_CATEGORY_MALWARE;
}

std::string Marked(std::string_view message, const ScanResult& scan, const Speaker& speaker) {
  Parts parts = MarkedParts(message, scan, speaker);
  return std::move(parts.header) + std::string(parts.body);
}

// Versions before 1.2 know no field at all in what comes back with a message, 1.2 only the length
// of it, later ones both.
std::string Respond(const RequestReader& request, const ScanResult& scan, const Speaker& speaker) {
  const bool marks = request.verb() == Verb::kProcess || request.verb() == Verb::kHeaders;
  const std::string text = TextFor(request, scan, speaker);
  std::string response = base::Cat("SPAMD/1.1 0 ", kOk.name, "\r\n");
  const bool says_length = marks ? request.version() >= 2 : request.version() >= 3;
  if (says_length) response += base::Cat("Content-length: ", text.size(), "\r\n");
  if (!marks || request.version() >= 3)
    response += absl::StrFormat("Spam: %s ; %.1f / %.1f\r\n", IsSpam(scan) ? "True" : "False",
                                scan.score(), kSpamScore);
  return base::Cat(response, "\r\n", text);
}

std::string Pong() { return "SPAMD/1.5 0 PONG\r\n"; }

// Without an empty line behind it: spamc would take that for the end of a good answer.
std::string Refuse(Code code, std::string_view why) {
  return base::Cat("SPAMD/1.1 ", code.number, " ", code.name, ": ",
                   base::Printable(why, kLongestWhy), "\r\n");
}

}  // namespace cleanmail::scanner::spamd
