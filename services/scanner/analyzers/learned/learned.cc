#include "services/scanner/analyzers/learned/learned.h"

#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

std::optional<FindingId> GradeOf(double probability) {
  if (probability >= 0.999) return FindingId::kLearnedSpam999;
  if (probability >= 0.99) return FindingId::kLearnedSpam99;
  if (probability >= 0.95) return FindingId::kLearnedSpam95;
  if (probability >= 0.8) return FindingId::kLearnedSpam80;
  if (probability <= 0.01) return FindingId::kLearnedHam99;
  if (probability <= 0.05) return FindingId::kLearnedHam95;
  if (probability <= 0.2) return FindingId::kLearnedHam80;
  return std::nullopt;
}

}  // namespace

std::optional<mail::v1::Finding> LearnedFinding(const learning::Opinion& opinion,
                                                std::string_view analyzer) {
  const std::optional<FindingId> grade = GradeOf(opinion.probability);
  if (!grade.has_value()) return std::nullopt;
  return MakeFinding(*grade, opinion.because, analyzer);
}

absl::StatusOr<Findings> Learned::Analyze(const ParsedMessage& message) {
  Findings findings;
  const std::string_view tenant =
      message.envelope == nullptr ? std::string_view() : message.envelope->tenant();
  const std::optional<learning::Opinion> opinion = lessons_.Judge(tenant, message);
  if (!opinion.has_value()) return findings;
  if (auto finding = LearnedFinding(*opinion, name()); finding.has_value())
    findings.push_back(*std::move(finding));
  return findings;
}

}  // namespace cleanmail::scanner
