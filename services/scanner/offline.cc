#include "services/scanner/offline.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include "libs/base/clock.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "services/scanner/analyzers/spam/spam_rules.h"
#include "services/scanner/configured_rules.h"
#include "services/scanner/engines.h"
#include "services/scanner/findings/catalogue.h"
#include "services/scanner/local_analyzers.h"
#include "services/scanner/metrics.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {
namespace {

// There are no stored bodies here: mails come as bytes.
class NoBodies final : public blob::BlobStore {
 public:
  absl::StatusOr<std::unique_ptr<blob::Writer>> Create(const blob::BlobName&) override {
    return None();
  }
  absl::StatusOr<std::string> Read(const blob::BlobName&) override { return None(); }
  absl::Status Extend(const blob::BlobName&, std::string_view, absl::Time) override {
    return None();
  }
  absl::Status Forget(const blob::BlobName&) override { return None(); }
  absl::StatusOr<int64_t> Sweep() override { return None(); }

 private:
  static absl::Status None() { return absl::NotFoundError("there is no store of bodies"); }
};

constexpr int64_t kNoLimit = 0;  // of what mail may come in a file

std::string Sentence(std::string words) {
  if (!words.empty()) words[0] = static_cast<char>(std::toupper(static_cast<uint8_t>(words[0])));
  return words + ".";
}

}  // namespace

struct OfflineScanner::Parts {
  NoBodies bodies;
  base::SystemClock clock;
  std::unique_ptr<telemetry::Log> log = telemetry::MakeNullLog();
  telemetry::MetricsRegistry registry;
  Metrics metrics{registry};
  std::unique_ptr<Engines> engines;
  std::unique_ptr<spam::RuleSets> rules;  // null: mail is not judged by rules
  std::unique_ptr<class Scan> scan;
};

OfflineScanner::OfflineScanner(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
OfflineScanner::~OfflineScanner() = default;

absl::StatusOr<std::unique_ptr<OfflineScanner>> OfflineScanner::Create(
    const v1::ScannerConfig& settings) {
  auto parts = std::make_unique<Parts>();
  const mail::mime::StructureLimits limits = {
      .parts = static_cast<size_t>(config::OrDefault(settings.structure().parts(), 1000)),
      .depth = static_cast<size_t>(config::OrDefault(settings.structure().depth(), 50))};
  std::vector<std::unique_ptr<Analyzer>> analyzers = LocalAnalyzers(limits);
  CLEANMAIL_ASSIGN_OR_RETURN(parts->engines, Engines::Make(settings, {.message_bytes = kNoLimit,
                                                                      .clock = parts->clock,
                                                                      .log = *parts->log,
                                                                      .registry = parts->registry,
                                                                      .metrics = parts->metrics}));
  std::ranges::move(parts->engines->TakeSlots(), std::back_inserter(analyzers));
  CLEANMAIL_ASSIGN_OR_RETURN(parts->rules,
                             MakeRuleSets(settings.spam_rules(), {.clock = parts->clock}));
  if (parts->rules != nullptr) analyzers.push_back(std::make_unique<SpamRules>(*parts->rules));
  const FindingWeights weights(settings.weights(), parts->rules != nullptr);
  parts->scan = std::make_unique<class Scan>(
      ScanParts{.blobs = parts->bodies, .metrics = parts->metrics, .weights = weights},
      std::move(analyzers), limits, 1);
  return std::unique_ptr<OfflineScanner>(new OfflineScanner(std::move(parts)));
}

absl::StatusOr<v1::MailScanned> OfflineScanner::Scan(std::string_view mail) {
  mail::v1::Message message;
  message.set_id("offline");
  message.set_direction(mail::v1::DIRECTION_INBOUND);
  const std::string bytes = AsReceived(mail);
  CLEANMAIL_ASSIGN_OR_RETURN(ScanResult result, parts_->scan->Look(message, bytes));
  v1::MailScanned scanned;
  scanned.set_score(result.score);
  for (mail::v1::Finding& finding : result.findings) *scanned.add_findings() = std::move(finding);
  *scanned.mutable_facts() = std::move(result.facts);
  return scanned;
}

std::vector<std::string> OfflineScanner::warnings() const {
  std::vector<std::string> warnings = {
      "Who sent the mails is not asked (SPF, DKIM, DMARC): that takes the DNS and the session they "
      "came by."};
  for (const std::string& advice : parts_->engines->advice()) warnings.push_back(Sentence(advice));
  if (parts_->rules == nullptr)
    warnings.emplace_back(
        "SpamAssassin's rules are not asked: install the package spamassassin, or name folders "
        "with --rules.");
  return warnings;
}

FindingWords WordsOf(std::string_view finding) {
  const auto* const entry = std::ranges::find(kCatalogue, finding, &CatalogueEntry::name);
  if (entry == kCatalogue.end()) return {};
  return {.meaning = entry->meaning, .advice = entry->advice};
}

}  // namespace cleanmail::scanner
