#include "services/scanner/category/category.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "services/scanner/findings/catalogue.h"
#include "services/scanner/findings/finding_weights.h"
#include "services/scanner/findings/fitted_weights.h"

namespace cleanmail::scanner {
namespace {

using mail::v1::Finding;

// Weights of phishing findings together, from which what is spam is phishing; less where they count
// less.
constexpr double kPhishingWeight = 2.5;
constexpr size_t kMostNamed = 3;
constexpr size_t kLongestEvidence = 120;

std::string Said(const Finding& finding) {
  return finding.evidence().empty()
             ? finding.name()
             : base::Cat(finding.name(), " (",
                         base::Printable(finding.evidence(), kLongestEvidence), ")");
}

// The heaviest findings that speak against the message, by name.
std::string Heaviest(const Findings& findings, bool phishing_only) {
  std::vector<const Finding*> against;
  for (const Finding& finding : findings) {
    const bool phishing = finding.category() == mail::v1::FINDING_CATEGORY_PHISHING;
    if (finding.weight() > 0 && (phishing || !phishing_only)) against.push_back(&finding);
  }
  std::ranges::stable_sort(against, std::ranges::greater{},
                           [](const Finding* finding) { return finding->weight(); });
  if (against.size() > kMostNamed) against.resize(kMostNamed);
  std::string names;
  for (const Finding* finding : against)
    names += base::Cat(names.empty() ? "" : ", ", finding->name());
  return names;
}

struct KindRule {
  FindingId id;
  mail::v1::MessageCategory category;
  std::string_view words;
};
constexpr std::array kKinds = {
    KindRule{FindingId::kBounce, mail::v1::MESSAGE_CATEGORY_BOUNCE, "A report on other mail"},
    KindRule{FindingId::kNewsletter, mail::v1::MESSAGE_CATEGORY_NEWSLETTER, "A newsletter"},
    KindRule{FindingId::kMailingList, mail::v1::MESSAGE_CATEGORY_BULK,
             "Mail of a list people write to"},
    KindRule{FindingId::kNotification, mail::v1::MESSAGE_CATEGORY_NOTIFICATION,
             "Written by a machine"},
    KindRule{FindingId::kBulkMail, mail::v1::MESSAGE_CATEGORY_BULK, "Mail to many"},
};

}  // namespace

std::string CategoryWord(mail::v1::MessageCategory category) {
  constexpr std::string_view kPrefix = "MESSAGE_CATEGORY_";
  if (category == mail::v1::MESSAGE_CATEGORY_UNSPECIFIED) return "undecided";
  std::string word = mail::v1::MessageCategory_Name(category);
  word.erase(0, std::min(kPrefix.size(), word.size()));
  for (char& c : word) c = static_cast<char>(c | 0x20);
  return word;
}

Category DecideCategory(const Findings& findings, double score) {
  const auto malware = std::ranges::find(findings, mail::v1::FINDING_CATEGORY_MALWARE,
                                         [](const Finding& one) { return one.category(); });
  if (malware != findings.end())
    return {mail::v1::MESSAGE_CATEGORY_MALWARE, base::Cat("Malware: ", Said(*malware), ".")};
  if (score >= kSpamScore) {
    double phishing = 0;
    for (const Finding& finding : findings) {
      if (finding.category() == mail::v1::FINDING_CATEGORY_PHISHING) phishing += finding.weight();
    }
    const double share = LessonsSpeak(findings) ? kBesideLessons : 1;
    const bool is_phishing = phishing >= kPhishingWeight * share;
    return {is_phishing ? mail::v1::MESSAGE_CATEGORY_PHISHING : mail::v1::MESSAGE_CATEGORY_SPAM,
            base::Cat(absl::StrFormat("Score %.1f, mostly by ", score),
                      Heaviest(findings, is_phishing), ".")};
  }
  for (const KindRule& rule : kKinds) {
    const auto found = std::ranges::find_if(
        findings,
        [name = EntryOf(rule.id).name](const Finding& finding) { return finding.name() == name; });
    if (found != findings.end())
      return {rule.category, base::Cat(rule.words, ", known by: ",
                                       base::Printable(found->evidence(), kLongestEvidence), ".")};
  }
  return {mail::v1::MESSAGE_CATEGORY_PERSONAL,
          absl::StrFormat("Score %.1f, and nothing says that it goes to many or was written by a "
                          "machine.",
                          score)};
}

}  // namespace cleanmail::scanner
