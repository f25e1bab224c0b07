#include "services/scanner/analyzers/newsletter/newsletter.h"

#include <optional>
#include <string>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/newsletter/signs.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr int kNewsletterPoints = 3;

// A finding and by what it is known.
struct Kind {
  FindingId id;
  std::string known_by;
};

void Add(std::string& all, std::string_view sign) {
  all += base::Cat(all.empty() ? "" : ", ", sign);
}

std::string MailingSigns(const Signs& signs) {
  std::string all;
  if (signs.one_click)
    Add(all, "List-Unsubscribe with one click");
  else if (signs.list_unsubscribe)
    Add(all, "List-Unsubscribe");
  if (signs.list_id) Add(all, "List-Id");
  if (signs.bulk) Add(all, "Precedence");
  if (!signs.mailer.empty()) Add(all, signs.mailer);
  if (!signs.unsubscribe_words.empty()) Add(all, base::Cat("\"", signs.unsubscribe_words, "\""));
  if (signs.pictures) Add(all, "a page of pictures and links");
  return all;
}

// Delivery reports of programs before RFC 3464 have no such part: the null sender and the name say
// it.
std::optional<Kind> AsReport(const Signs& signs) {
  if (!signs.report_type.empty() && signs.report_type != "feedback-report")
    return Kind{FindingId::kBounce, base::Cat("multipart/report, ", signs.report_type)};
  if (signs.report_type == "feedback-report")
    return Kind{FindingId::kNotification, "a complaint in the form of RFC 5965"};
  if (signs.failed_recipients && signs.null_sender)
    return Kind{FindingId::kBounce, "null sender and MAILER-DAEMON"};
  return std::nullopt;
}

std::optional<Kind> AsMachine(const Signs& signs) {
  if (signs.auto_generated) return Kind{FindingId::kNotification, "Auto-Submitted"};
  if (signs.no_answer && !signs.business_word.empty())
    return Kind{FindingId::kNotification,
                base::Cat("no answers wanted, \"", signs.business_word, "\" in the subject")};
  if (!signs.mailer.empty() && !signs.business_word.empty() && !signs.list_unsubscribe)
    return Kind{FindingId::kNotification,
                base::Cat(signs.mailer, ", \"", signs.business_word, "\" in the subject")};
  return std::nullopt;
}

std::optional<Kind> KindOf(const Signs& signs) {
  if (auto report = AsReport(signs); report.has_value()) return report;
  if (signs.auto_replied) return Kind{FindingId::kNotification, "an automatic answer"};
  // Services like issue trackers send what machines write by lists: the list is what one sees.
  if (signs.list_post || !signs.list_program.empty()) {
    if (signs.auto_generated && signs.no_answer)
      return Kind{FindingId::kNotification, "Auto-Submitted"};
    return Kind{FindingId::kMailingList,
                signs.list_post ? std::string("List-Post") : signs.list_program};
  }
  const int points = signs.newsletter_points();
  // Who is told of his own order may unsubscribe from such news, too.
  const bool business = signs.auto_generated || (signs.no_answer && !signs.business_word.empty());
  if (points >= kNewsletterPoints + (business ? 2 : 0))
    return Kind{FindingId::kNewsletter, MailingSigns(signs)};
  if (auto machine = AsMachine(signs); machine.has_value()) return machine;
  if (signs.list_unsubscribe || signs.list_id || signs.bulk)
    return Kind{FindingId::kBulkMail, MailingSigns(signs)};
  if (signs.no_answer) return Kind{FindingId::kNotification, "no answers wanted"};
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Findings> Newsletter::Analyze(const ParsedMessage& message) {
  Findings findings;
  if (const auto kind = KindOf(ReadSigns(message)); kind.has_value())
    findings.push_back(MakeFinding(kind->id, kind->known_by, name()));
  return findings;
}

}  // namespace cleanmail::scanner
