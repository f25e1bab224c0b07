#include "services/scanner/scan.h"

#include <cmath>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
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

absl::StatusOr<ScanResult> Scan::Run(const blob::BlobName& body) {
  const absl::Time begin = absl::Now();
  ScanResult result;
  absl::StatusOr<std::string> message = blobs_.Read(body);
  if (absl::IsUnavailable(message.status())) return message.status();
  if (message.ok()) {
    const ParsedMessage parsed(*message, limits_);
    CLEANMAIL_ASSIGN_OR_RETURN(Analysis analysis, Analyze(parsed, body));
    result.findings = std::move(analysis.findings);
    result.links = std::move(analysis.links);
    result.facts = FactsOf(parsed);
    for (mail::v1::Attachment& file : analysis.files) {
      if (result.facts.attachments_size() == kMostAttachments) break;
      *result.facts.add_attachments() = std::move(file);
    }
  } else {
    result.findings.push_back(
        MakeFinding(FindingId::kBodyUnreadable, base::View(message.status().message()), "scan"));
  }
  result.score = ScoreOf(result.findings);
  metrics_.scanned.Add();
  if (!result.findings.empty()) metrics_.with_findings.Add();
  metrics_.scan_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - begin));
  return result;
}

absl::StatusOr<Analysis> Scan::Analyze(const ParsedMessage& message, const blob::BlobName& body) {
  Analysis all;
  for (const std::unique_ptr<Analyzer>& analyzer : analyzers_) {
    absl::StatusOr<Analysis> analysis = analyzer->Examine(message);
    if (absl::IsUnavailable(analysis.status())) return analysis.status();
    if (analysis.ok()) {
      MoveBehind(analysis->findings, all.findings);
      MoveBehind(analysis->links, all.links);
      MoveBehind(analysis->files, all.files);
    } else if (HasFailedTooOften(body.message)) {
      all.findings.push_back(MakeFinding(FindingId::kCouldNotScan,
                                         base::View(analysis.status().message()),
                                         analyzer->name()));
    } else {
      return absl::UnavailableError(base::Cat(
          analyzer->name(), " failed, another try is due: ", analysis.status().message()));
    }
  }
  ForgetFailures(body.message);
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
