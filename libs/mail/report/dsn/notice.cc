#include "libs/mail/report/dsn/notice.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/mail/address/utf8.h"
#include "libs/mail/mime/date.h"
#include "libs/mail/mime/header_block.h"
#include "libs/mail/mime/writer.h"

namespace cleanmail::mail::report::dsn {
namespace {

constexpr size_t kMaxText = 500;

bool AnyFailed(const NoticeFacts& facts) {
  return std::any_of(facts.recipients.begin(), facts.recipients.end(), [](const FailedRecipient& r) { return r.action == Action::kFailed; });
}

std::string StatusOf(const FailedRecipient& recipient) {
  if (!recipient.reply.enhanced.empty()) return recipient.reply.enhanced;
  return recipient.reply.permanent() && recipient.action == Action::kFailed ? "5.0.0" : "4.0.0";
}

std::string WordsFor(const FailedRecipient& recipient) {
  std::string words = base::Cat("  ", base::Printable(recipient.address, kMaxText), "\r\n");
  words += recipient.remote_host.empty() ? "    " : base::Cat("    ", base::Printable(recipient.remote_host, kMaxText), " said: ");
  return words + base::Cat(base::Printable(smtp::ToText(recipient.reply), kMaxText), "\r\n");
}

std::string WordsForPeople(const NoticeFacts& facts) {
  const bool failed = AnyFailed(facts);
  std::string text = base::Cat("This is the mail system at ", facts.host_name, ".\r\n\r\n");
  text += failed ? "Your message could not be delivered to these recipients:\r\n\r\n"
                 : "Your message has not been delivered yet to these recipients. It is tried again; you need not send it again.\r\n\r\n";
  for (const FailedRecipient& recipient : facts.recipients) text += WordsFor(recipient) + "\r\n";
  if (!facts.message_id.empty()) text += base::Cat("For your administrator, the message's id here: ", facts.message_id, "\r\n");
  return text;
}

mime::Part StatusPart(const NoticeFacts& facts, bool utf8) {
  mime::Part about_message{.fields = {{"Reporting-MTA", base::Cat("dns; ", facts.host_name)},
                                      {"Arrival-Date", mime::FormatDate(facts.arrived)}},
                           .body = {}};
  std::string body = mime::Write(about_message);
  for (const FailedRecipient& recipient : facts.recipients) {
    const bool utf8_address = !address::IsAscii(recipient.address);
    mime::Part part{.fields = {{"Final-Recipient", base::Cat(utf8_address ? "utf-8; " : "rfc822; ", base::Printable(recipient.address, kMaxText))},
                               {"Action", recipient.action == Action::kFailed ? "failed" : "delayed"},
                               {"Status", StatusOf(recipient)}},
                    .body = {}};
    if (!recipient.remote_host.empty()) part.fields.push_back({"Remote-MTA", base::Cat("dns; ", base::Printable(recipient.remote_host, kMaxText))});
    part.fields.push_back({"Diagnostic-Code", base::Cat("smtp; ", base::Printable(smtp::ToText(recipient.reply), kMaxText))});
    body += mime::Write(part);
  }
  return {.fields = {{"Content-Type", utf8 ? "message/global-delivery-status" : "message/delivery-status"},
                     {"Content-Transfer-Encoding", utf8 ? "8bit" : "7bit"}},
          .body = std::move(body)};
}

// The fields of the original header, whole ones only, as many as fit.
std::string OriginalHeader(const NoticeFacts& facts) {
  std::string kept;
  const absl::StatusOr<mime::HeaderBlock> header = mime::HeaderBlock::Parse(facts.original, {.bytes = size_t{16} << 20, .fields = 1000000});
  if (!header.ok()) return kept;
  for (const mime::Field& field : header->fields()) {
    if (kept.size() + field.raw.size() > facts.header_limit) break;
    if (!field.name.empty()) kept += field.raw;
  }
  if (!kept.empty() && !kept.ends_with("\r\n")) kept += "\r\n";
  return kept;
}

mime::Part HeaderPart(const NoticeFacts& facts) {
  std::string header = OriginalHeader(facts);
  const bool ascii = address::IsAscii(header);
  return {.fields = {{"Content-Type", ascii ? "text/rfc822-headers" : "message/global-headers"},
                     {"Content-Transfer-Encoding", ascii ? "7bit" : "8bit"}},
          .body = std::move(header)};
}

}  // namespace

bool NeedsSmtpUtf8(const NoticeFacts& facts) {
  return !address::IsAscii(facts.to) || std::any_of(facts.recipients.begin(), facts.recipients.end(),
                                                    [](const FailedRecipient& r) { return !address::IsAscii(r.address); });
}

std::string WriteNotice(const NoticeFacts& facts) {
  const std::vector<mime::Part> parts = {mime::TextPart(WordsForPeople(facts)), StatusPart(facts, NeedsSmtpUtf8(facts)), HeaderPart(facts)};
  const std::string boundary = mime::UnusedBoundary(facts.id, parts);
  mime::Part message = mime::Multipart("report", ";\r\n report-type=delivery-status", boundary, parts);
  const mime::HeaderFields fields = {
      {"From", base::Cat("Mail Delivery System <postmaster@", facts.host_name, ">")},
      {"To", base::Cat("<", facts.to, ">")},
      {"Subject", AnyFailed(facts) ? "Undelivered mail: your message could not be delivered" : "Delayed mail: your message is tried again"},
      {"Date", mime::FormatDate(facts.now)},
      {"Message-ID", base::Cat("<", facts.id, "@", facts.host_name, ">")},
      {"Auto-Submitted", "auto-replied"},  // RFC 3834 §5: machines must not answer this
      {"MIME-Version", "1.0"},
  };
  message.fields.insert(message.fields.begin(), fields.begin(), fields.end());
  return mime::Write(message);
}

}  // namespace cleanmail::mail::report::dsn
