#include "services/cli/sample.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/smtp/shell/blocking_client.h"
#include "libs/net/host_port.h"

namespace cleanmail::cli {
namespace {

std::string_view SubjectOf(const SampleOptions& options) {
  if (!options.subject.empty()) return options.subject;
  switch (options.sample) {
    case Sample::kClean:
      return options.smtp_utf8 ? "Grüße aus Zürich" : "Hello from a clean mail";
    case Sample::kGtube:
      return "A test of the spam filter";
    case Sample::kEicar:
      return "A test of the virus scanner";
  }
  return "";
}

// Each in two halves, so that this program is not itself taken for the sample.
std::string TextOf(Sample sample) {
  switch (sample) {
    case Sample::kClean:
      return "This mail is clean and should arrive.\r\n";
    case Sample::kGtube:
      return base::Cat("XJS*C4JDBQADN1.NSBN3*2IDNEN*",
                       "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n");
    case Sample::kEicar:
      return base::Cat("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-",
                       "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n");
  }
  return "";
}

}  // namespace

std::string MakeSample(const SampleOptions& options, absl::Time now) {
  const std::string date =
      absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now, absl::UTCTimeZone());
  std::string mail = base::Cat("From: <", options.from, ">\r\nTo: <", options.to,
                               ">\r\nSubject: ", SubjectOf(options), "\r\nDate: ", date,
                               "\r\nMessage-ID: <sample-", absl::ToUnixNanos(now),
                               "@example.net>\r\nMIME-Version: 1.0\r\n");
  if (options.sample != Sample::kEicar)
    return base::Cat(mail, "Content-Type: text/plain; charset=utf-8\r\n\r\n",
                     TextOf(options.sample));
  // The test file as an attachment of its own: engines look for it at a file's beginning.
  return base::Cat(
      mail,
      "Content-Type: multipart/mixed; boundary=sample\r\n\r\n--sample\r\nContent-Type: "
      "text/plain\r\n\r\nSee the attachment.\r\n",
      "--sample\r\nContent-Type: application/octet-stream; name=eicar.com\r\nContent-Disposition: "
      "attachment; filename=eicar.com\r\n\r\n",
      TextOf(options.sample), "--sample--\r\n");
}

absl::StatusOr<std::string> SendSample(const SampleOptions& options, absl::Time now) {
  CLEANMAIL_ASSIGN_OR_RETURN(const net::HostPort server, net::ParseHostPort(options.server, 25));
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::unique_ptr<mail::smtp::BlockingClient> client,
      mail::smtp::BlockingClient::Connect(
          server, {.host_name = "sample.example.net", .chunking = options.bdat}));
  const std::string mail = MakeSample(options, now);
  const std::vector<mail::smtp::Outcome> outcomes =
      client->Send({.sender = options.from,
                    .recipients = {options.to},
                    .smtp_utf8 = options.smtp_utf8,
                    .eight_bit = options.smtp_utf8,
                    .size = static_cast<int64_t>(mail.size())},
                   mail);
  client->Quit();
  if (outcomes.empty()) return absl::UnavailableError("the server closed the connection");
  const std::string reply = mail::smtp::ToText(outcomes[0].reply);
  if (!outcomes[0].delivered())
    return absl::FailedPreconditionError(base::Cat("the server refused it: ", reply));
  return reply;
}

}  // namespace cleanmail::cli
