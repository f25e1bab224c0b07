#include "services/scanner/findings/catalogue.h"

#include "libs/base/text.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestEvidence = 200;

}  // namespace

mail::v1::Finding MakeFinding(FindingId id, std::string_view evidence, std::string_view analyzer) {
  const CatalogueEntry& entry = EntryOf(id);
  mail::v1::Finding finding;
  finding.set_name(std::string(entry.name));
  finding.set_weight(entry.weight);
  finding.set_category(entry.category);
  finding.set_evidence(base::Printable(evidence, kLongestEvidence));
  finding.set_analyzer(std::string(analyzer));
  return finding;
}

mail::v1::Finding MakeRuleFinding(std::string_view rule, double weight,
                                  std::string_view description, std::string_view analyzer) {
  mail::v1::Finding finding;
  finding.set_name(base::Printable(rule, kLongestEvidence));
  finding.set_weight(weight);
  finding.set_category(mail::v1::FINDING_CATEGORY_SPAM);
  finding.set_evidence(base::Printable(description, kLongestEvidence));
  finding.set_analyzer(std::string(analyzer));
  return finding;
}

std::optional<FindingId> FindingNamed(std::string_view name) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.name == name) return entry.id;
  }
  return std::nullopt;
}

}  // namespace cleanmail::scanner
