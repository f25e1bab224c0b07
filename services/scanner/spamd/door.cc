#include "services/scanner/spamd/door.h"

#include <charconv>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/crypto/hash.h"
#include "libs/mail/address/mailbox.h"
#include "services/scanner/as_received.h"
#include "services/scanner/authentication/relays.h"
#include "services/scanner/category/category.h"

namespace cleanmail::scanner::spamd {
namespace {

class DoorRequest final : public net::Request {
 public:
  DoorRequest(const Door& door, const net::IpAddress& client)
      : door_(door), client_(client), reader_(door.options().message_bytes) {}
  bool Take(std::string_view bytes) override { return reader_.Take(bytes); }
  std::string Answer() override {
    reader_.End();
    return door_.Answer(reader_, client_);
  }

 private:
  const Door& door_;
  const net::IpAddress client_;
  RequestReader reader_;
};

bool Is(const mail::mime::Field& field, std::string_view name) {
  return absl::EqualsIgnoreCase(base::AbslView(field.name), base::AbslView(name));
}

// `<a@b.example>`; the null sender for anything else.
std::string SenderIn(std::string_view value) {
  const size_t open = value.find('<');
  const size_t close = value.rfind('>');
  if (open == value.npos || close == value.npos || close < open) return {};
  const auto mailbox = mail::address::ParseMailbox(value.substr(open + 1, close - open - 1));
  return mailbox.ok() ? ToText(*mailbox) : std::string();
}

}  // namespace

absl::StatusOr<DoorOptions> ToDoorOptions(const v1::Spamd& settings, Speaker speaker) {
  if (settings.listen().empty())
    return absl::InvalidArgumentError(
        "scanner.spamd needs `listen`: \"127.0.0.1:783\" or \"unix:/run/cleanmail/spamd.sock\"");
  std::vector<std::string> clients(settings.clients().begin(), settings.clients().end());
  if (clients.empty()) clients = {"127.0.0.0/8", "::1/128"};
  absl::StatusOr<net::PrefixSet> networks = net::PrefixSet::Parse(clients);
  if (!networks.ok()) return base::Annotate(networks.status(), "scanner.spamd.clients");
  DoorOptions options{
      .speaker = std::move(speaker), .tenant = settings.tenant(), .clients = *std::move(networks)};
  options.message_bytes = static_cast<size_t>(
      config::OrDefault(settings.message_bytes(), static_cast<int64_t>(options.message_bytes)));
  return options;
}

absl::StatusOr<net::ListenOptions> ToListenOptions(const v1::Spamd& settings) {
  net::ListenOptions options;
  options.name = "spamd";
  options.address = settings.listen();
  options.backlog = 128;
  const std::string& mode = settings.mode();
  if (mode.empty()) return options;
  const auto [end, error] =
      std::from_chars(mode.data(), mode.data() + mode.size(), options.unix_mode, 8);
  if (error != std::errc() || end != mode.data() + mode.size() || options.unix_mode > 0777)
    return absl::InvalidArgumentError(
        base::Cat("scanner.spamd.mode: \"", mode, "\" is no mode such as \"0660\""));
  return options;
}

void ReadArrival(const mail::mime::HeaderBlock& header, mail::v1::Message& message) {
  bool has_sender = false;
  for (const mail::mime::Field& field : header.fields()) {
    if (Is(field, "return-path") && !std::exchange(has_sender, true))
      message.mutable_envelope()->set_sender(SenderIn(field.value()));
    if (!Is(field, "received")) continue;
    const Handover handover = ReadReceived(field.value());
    message.mutable_session()->set_client_address(handover.client);
    message.mutable_session()->set_helo(handover.helo);
    return;
  }
}

std::unique_ptr<net::Request> Door::Begin(const net::IpAddress& client) const {
  const bool by_path = client == net::IpAddress();
  if (!by_path && !options_.clients.Contains(client)) {
    parts_.metrics.spamd_refused.Add();
    return nullptr;
  }
  return std::make_unique<DoorRequest>(*this, client);
}

std::string Door::Answer(const RequestReader& request, const net::IpAddress& client) const {
  if (request.problem().has_value()) {
    parts_.metrics.spamd_refused.Add();
    return Refuse(request.problem()->code, request.problem()->why);
  }
  switch (request.verb()) {
    case Verb::kPing:
      return Pong();
    case Verb::kSkip:
      return "";
    case Verb::kTell:
      parts_.metrics.spamd_refused.Add();
      return Refuse(kUnavailable, "TELL is not offered: nothing was learned");
    case Verb::kCheck:
    case Verb::kSymbols:
    case Verb::kReport:
    case Verb::kReportIfSpam:
    case Verb::kProcess:
    case Verb::kHeaders:
      return AnswerAbout(request, client);
  }
  return "";
}

// Its id is its content, so that a message that makes an engine fail is known when it comes again.
mail::v1::Message Door::MessageOf(const RequestReader& request, std::string_view bytes) const {
  mail::v1::Message message;
  message.set_id(base::Cat("spamd-", crypto::Sha256Hex(bytes).substr(0, 32)));
  message.set_direction(mail::v1::DIRECTION_INBOUND);
  message.set_size(static_cast<int64_t>(bytes.size()));
  message.set_accepted_at_us(base::NowMicros(parts_.clock));
  message.set_tenant(options_.tenant);
  const std::string& user = request.user();
  if (const auto mailbox = mail::address::ParseMailbox(user);
      mailbox.ok() && !mailbox->domain.empty()) {
    const auto owner = parts_.directory.TenantOfDomain(mailbox->domain);
    if (owner.has_value()) {
      message.set_tenant(*owner);
      message.mutable_envelope()->add_recipients(ToText(*mailbox));
    }
  } else if (!user.empty() && parts_.directory.FindTenant(user).has_value()) {
    message.set_tenant(user);
  }
  const auto header = mail::mime::HeaderBlock::Parse(bytes);
  if (header.ok()) ReadArrival(*header, message);
  return message;
}

std::string Door::AnswerAbout(const RequestReader& request, const net::IpAddress& client) const {
  const absl::Time began = absl::Now();
  const std::string bytes = AsReceived(request.message());
  const mail::v1::Message message = MessageOf(request, bytes);
  absl::StatusOr<ScanResult> result = parts_.scan.Look(message, bytes);
  if (!result.ok()) {
    parts_.metrics.spamd_refused.Add();
    parts_.mail_log.Warning(
        "spamd", {{"message", message.id()}, {"why", base::View(result.status().message())}});
    return Refuse(absl::IsUnavailable(result.status()) ? kTryLater : kSoftware,
                  "the message could not be looked at now");
  }
  const mail::v1::ScanResult scan = ToProto(*std::move(result));
  parts_.metrics.spamd_answered.Add();
  std::string findings;
  for (const mail::v1::Finding& finding : scan.findings())
    findings += base::Cat(findings.empty() ? "" : " ", finding.name());
  parts_.mail_log.Info("spamd", {{"message", message.id()},
                                 {"tenant", message.tenant()},
                                 {"asked_by", client.ToString()},
                                 {"client", message.session().client_address()},
                                 {"sender", message.envelope().sender()},
                                 {"bytes", message.size()},
                                 {"category", CategoryWord(scan.facts().category())},
                                 {"why", scan.facts().category_reason()},
                                 {"score", absl::StrFormat("%.1f", scan.score())},
                                 {"findings", findings},
                                 {"seconds", absl::ToDoubleSeconds(absl::Now() - began)}});
  return Respond(request, scan, options_.speaker);
}

}  // namespace cleanmail::scanner::spamd
