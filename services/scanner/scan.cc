#include "services/scanner/scan.h"

#include <cmath>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/authentication/results.h"
#include "services/scanner/category/category.h"
#include "services/scanner/facts.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kMostFailuresRemembered =
    10'000;  // only messages that wait stand there; a bound all the same

constexpr int kMostAttachments = 200;  // as mail.proto says

template <class T>
void MoveBehind(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

double ScoreOf(const Findings& findings) {
  double sum = 0;
  for (const mail::v1::Finding& finding : findings) sum += finding.weight();
  return std::round(sum * 1000) / 1000;  // so that 4.9 + 0.1 is 5.0
}

}  // namespace

mail::v1::ScanResult ToProto(ScanResult result) {
  mail::v1::ScanResult proto;
  for (mail::v1::Finding& finding : result.findings) *proto.add_findings() = std::move(finding);
  proto.set_score(result.score);
  *proto.mutable_facts() = std::move(result.facts);
  return proto;
}

absl::StatusOr<ScanResult> Scan::Run(const mail::v1::Message& message) {
  const absl::Time began = absl::Now();
  absl::StatusOr<std::string> bytes =
      parts_.blobs.Read({.tenant = message.tenant(), .message = message.id()});
  if (absl::IsUnavailable(bytes.status())) return bytes.status();
  if (bytes.ok()) return Look(message, *bytes);
  ScanResult result;
  result.findings.push_back(
      MakeFinding(FindingId::kBodyUnreadable, base::View(bytes.status().message()), "scan"));
  Count(result, began);
  return result;
}

absl::StatusOr<ScanResult> Scan::Look(const mail::v1::Message& message, std::string_view bytes) {
  const absl::Time began = absl::Now();
  ParsedMessage parsed(bytes, limits_);
  parsed.envelope = &message;
  SenderAuthentication authentication;
  if (parts_.authenticator != nullptr) {
    authentication = parts_.authenticator->Authenticate(message, parsed.header,
                                                        bytes.substr(parsed.parts.list[0].body));
    parsed.authentication = &authentication;
  }
  ScanResult result;
  CLEANMAIL_ASSIGN_OR_RETURN(Analysis analysis, Analyze(parsed, message.id()));
  result.findings = std::move(analysis.findings);
  result.facts = FactsOf(parsed);
  for (mail::v1::Attachment& file : analysis.files) {
    if (result.facts.attachments_size() == kMostAttachments) break;
    *result.facts.add_attachments() = std::move(file);
  }
  if (parsed.authentication != nullptr)
    AddResults(authentication, parts_.authserv_id, result.facts);
  parts_.weights.Apply(result.findings);
  result.score = ScoreOf(result.findings);
  Category category = DecideCategory(result.findings, result.score);
  result.facts.set_category(category.category);
  result.facts.set_category_reason(std::move(category.reason));
  Count(result, began);
  return result;
}

void Scan::Count(const ScanResult& result, absl::Time began) const {
  parts_.metrics.scanned.Add();
  if (!result.findings.empty()) parts_.metrics.with_findings.Add();
  parts_.metrics.scan_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - began));
}

absl::StatusOr<Analysis> Scan::Analyze(ParsedMessage& message, const std::string& id) {
  Analysis all;
  for (const std::unique_ptr<Analyzer>& analyzer : analyzers_) {
    absl::StatusOr<Analysis> analysis = analyzer->Examine(message);
    if (absl::IsUnavailable(analysis.status())) return analysis.status();
    if (analysis.ok()) {
      MoveBehind(analysis->findings, all.findings);
      MoveBehind(analysis->links, message.picture_links);
      MoveBehind(analysis->files, all.files);
    } else if (HasFailedTooOften(id)) {
      all.findings.push_back(MakeFinding(
          FindingId::kCouldNotScan, base::View(analysis.status().message()), analyzer->name()));
    } else {
      return absl::UnavailableError(base::Cat(
          analyzer->name(), " failed, another try is due: ", analysis.status().message()));
    }
  }
  ForgetFailures(id);
  return all;
}

bool Scan::HasFailedTooOften(const std::string& message) {
  const absl::MutexLock lock(&mutex_);
  if (failures_.size() >= kMostFailuresRemembered) failures_.clear();
  return ++failures_[message] >= failures_before_finding_;
}

void Scan::ForgetFailures(const std::string& message) {
  const absl::MutexLock lock(&mutex_);
  failures_.erase(message);
}

}  // namespace cleanmail::scanner
