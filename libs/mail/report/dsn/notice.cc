#include "libs/mail/report/dsn/notice.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/mail/mime/date.h"
#include "libs/mail/mime/writer.h"

namespace cleanmail::mail::report::dsn {
namespace {

using mime::FormatDate;

constexpr size_t kLongestField = 900;  // a line has at most 998 octets (RFC 5322 §2.1.1)

// One line of printable ASCII: everything else is escaped, so that the notice needs neither
// 8BITMIME nor SMTPUTF8.
std::string Line(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string out;
  for (const char c : base::Printable(text, kLongestField)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 0x0f];
    }
  }
  return out.substr(0, kLongestField);
}

// Header lines as they came, up to the first empty one, each made safe.
std::string QuotedHeader(std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const size_t end = message.find('\n');
    std::string_view line = message.substr(0, end);
    message = end == std::string_view::npos ? std::string_view{} : message.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded) line.remove_prefix(1);
    out += base::Cat(folded ? " " : "", Line(line), "\r\n");
  }
  return out;
}

std::string_view NameOf(Action action) {
  switch (action) {
    case Action::kFailed:
      return "failed";
    case Action::kDelayed:
      return "delayed";
    case Action::kRelayed:
      return "relayed";
  }
  return "failed";
}

bool Tells(const Notice& notice, Action action) {
  return std::ranges::any_of(notice.recipients,
                             [action](const Recipient& r) { return r.action == action; });
}

bool ReturnsAll(const Notice& notice) {
  return notice.return_all && Tells(notice, Action::kFailed);
}

std::string_view SubjectOf(const Notice& notice) {
  if (Tells(notice, Action::kFailed)) return "Undelivered mail returned to sender";
  if (Tells(notice, Action::kDelayed)) return "Delayed mail, still being tried";
  return "Mail was handed on";
}

std::string InWords(Action action, const Notice& notice) {
  switch (action) {
    case Action::kFailed:
      return "Your message could not be delivered to the recipients below. It is not tried again.";
    case Action::kDelayed:
      return base::Cat(
          "Your message could not be delivered yet to the recipients below. It is tried again",
          notice.retry_until == absl::InfiniteFuture()
              ? std::string()
              : base::Cat(" until ", FormatDate(notice.retry_until)),
          "; you need not do anything.");
    case Action::kRelayed:
      return "Your message was handed to the mail server of the recipients below, which gives no "
             "notices: nothing more will be told of it here.";
  }
  return "";
}

std::string ForPeople(const Notice& notice) {
  std::string text = base::Cat("This is the mail gateway ", Line(notice.reporting_host), ".\r\n");
  for (const Action action : {Action::kFailed, Action::kDelayed, Action::kRelayed}) {
    if (!Tells(notice, action)) continue;
    text += base::Cat("\r\n", InWords(action, notice), "\r\n\r\n");
    for (const Recipient& recipient : notice.recipients) {
      if (recipient.action != action) continue;
      text +=
          base::Cat("  ", Line(recipient.address), "\r\n    ", Line(recipient.diagnostic), "\r\n");
    }
  }
  return base::Cat(
      text, "\r\n",
      ReturnsAll(notice) ? "Your message is attached." : "The header of your message is attached.",
      "\r\n");
}

std::string ForMachines(const Notice& notice) {
  std::string text;
  if (!notice.envelope_id.empty())
    text += base::Cat("Original-Envelope-Id: ", Line(notice.envelope_id), "\r\n");
  text += base::Cat("Reporting-MTA: dns; ", Line(notice.reporting_host),
                    "\r\nArrival-Date: ", FormatDate(notice.arrived), "\r\n");
  for (const Recipient& recipient : notice.recipients) {
    text += "\r\n";
    if (!recipient.original.empty())
      text += base::Cat("Original-Recipient: ", Line(recipient.original), "\r\n");
    text += base::Cat("Final-Recipient: rfc822; ", Line(recipient.address),
                      "\r\nAction: ", NameOf(recipient.action),
                      "\r\nStatus: ", Line(recipient.status), "\r\n");
    if (!recipient.remote.empty())
      text += base::Cat("Remote-MTA: dns; ", Line(recipient.remote), "\r\n");
    text += base::Cat("Diagnostic-Code: smtp; ", Line(recipient.diagnostic), "\r\n");
    if (recipient.action == Action::kDelayed && notice.retry_until != absl::InfiniteFuture())
      text += base::Cat("Will-Retry-Until: ", FormatDate(notice.retry_until), "\r\n");
  }
  return text;
}

mime::Part Original(const Notice& notice) {
  if (!ReturnsAll(notice))
    return {.fields = {{"Content-Type", "text/rfc822-headers"}},
            .body = QuotedHeader(notice.original)};
  const bool ascii = std::ranges::all_of(
      notice.original, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return {.fields = {{"Content-Type", notice.smtp_utf8 ? "message/global" : "message/rfc822"},
                     {"Content-Transfer-Encoding", ascii ? "7bit" : "8bit"}},
          .body = notice.original};
}

}  // namespace

std::string MakeNotice(const Notice& notice) {
  const std::string host = Line(notice.reporting_host);
  const std::vector<mime::Part> parts = {
      mime::TextPart(ForPeople(notice)),
      {.fields = {{"Content-Type", "message/delivery-status"}}, .body = ForMachines(notice)},
      Original(notice)};
  mime::Part whole = mime::Multipart("report", "; report-type=delivery-status",
                                     mime::UnusedBoundary(Line(notice.id), parts), parts);
  mime::HeaderFields fields = {
      {"From", base::Cat("Mail Delivery System <MAILER-DAEMON@", host, ">")},
      {"To", base::Cat("<", Line(notice.to), ">")},
      {"Subject", std::string(SubjectOf(notice))},
      {"Date", FormatDate(notice.now)},
      {"Message-ID", base::Cat("<", Line(notice.id), "@", host, ">")},
      {"Auto-Submitted", "auto-replied"},  // RFC 3834 §5
      {"MIME-Version", "1.0"}};
  fields.insert(fields.end(), whole.fields.begin(), whole.fields.end());
  whole.fields = std::move(fields);
  return Write(whole);
}

}  // namespace cleanmail::mail::report::dsn
