// What a session asks others while its client waits.
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/dns/ask_all.h"
#include "libs/mail/auth/spf/check_host.h"
#include "services/ingress/door/client_facts.h"
#include "services/ingress/session/reply_of.h"
#include "services/ingress/session/session.h"

namespace cleanmail::ingress {
namespace {

using mail::smtp::Reply;

// A declared size up to this is taken nearly everywhere: not worth a question.
constexpr int64_t kTakenByAll = int64_t{10} << 20;

constexpr size_t kLongestReason = 200;

mail::v1::SpfVerdict ToProto(const mail::auth::spf::Verdict& verdict) {
  mail::v1::SpfVerdict result;
  result.set_result(std::string(ToText(verdict.result)));
  result.set_domain(base::Printable(verdict.domain, 253));
  result.set_reason(base::Printable(verdict.problem.empty() ? verdict.mechanism : verdict.problem,
                                    kLongestReason));
  return result;
}

void AddRecipient(const Addressee& addressee, policy::v1::AddressedRecipient& recipient) {
  recipient.set_address(addressee.address);
  recipient.set_tenant(addressee.tenant);
}

// The refusal in a decision; a reply that is none counts as a failure of ours.
Reply ReplyIn(const policy::v1::EnvelopeDecision& decision) {
  if (decision.code() < 400 || decision.code() > 599) return ReplyOf(refusals::kTryLater);
  return {decision.code(), decision.enhanced_code(), decision.text()};
}

}  // namespace

mail::v1::Direction Session::Direction() const {
  return settings_.role == Role::kMx ? mail::v1::DIRECTION_INBOUND : mail::v1::DIRECTION_OUTBOUND;
}

net::Task<Session::DnsAnswers> Session::AskDns(std::vector<dns::Question> questions,
                                               absl::Time deadline) {
  auto ask = [&](absl::AnyInvocable<void(DnsAnswers) &&> done) {
    dns::AskAll(parts_.resolver, questions, deadline, std::move(done));
  };
  co_return co_await net::Await<DnsAnswers>(loop_, std::move(ask));
}

// Whether the client itself is the one to ask about.
bool Session::IsStranger() const {
  return settings_.role == Role::kMx &&
         !settings_.trusted_relays.Contains(connection_->peer().address);
}

// Whether the client is a gateway in front of this one for all of these.
bool Session::IsRelayFor(std::vector<std::string> recipients) const {
  return settings_.role == Role::kMx &&
         parts_.directory.IsRelayFor(connection_->peer().address, recipients);
}

// Asks once in a session, as soon as there is a recipient who might be accepted. Of addresses that
// are nobody's on the Internet the DNS knows nothing.
net::Task<void> Session::AskDoor() {
  const net::IpAddress& client = connection_->peer().address;
  if (door_.has_value() || settings_.door.off || !IsStranger() || client.IsPrivate()) co_return;
  const absl::Time deadline = absl::Now() + settings_.door.deadline;
  mail::v1::DoorFacts facts;
  facts.set_helo(JudgeHelo(facts_.helo(), client, settings_.smtp.host_name));
  const std::vector<DnsLists::Asked> lists = parts_.dns_lists.QuestionsFor(client);
  std::vector<dns::Question> questions = {NamesOf(client)};
  for (const DnsLists::Asked& asked : lists) questions.push_back(asked.question);
  const DnsAnswers answers = co_await AskDns(std::move(questions), deadline);
  for (size_t i = 0; i < lists.size(); ++i) {
    if (auto hit = parts_.dns_lists.HitIn(lists[i].list, answers[i + 1]); hit.has_value())
      *facts.add_lists() = *std::move(hit);
  }
  ForwardConfirmation confirmation(client);
  const DnsAnswers addresses = co_await AskDns(confirmation.AskNames(answers[0]), deadline);
  confirmation.Judge(addresses, facts);
  co_await RecallReputation(facts);
  door_ = std::move(facts);
}

// Asks once in a transaction.
net::Task<void> Session::AskSpf(std::vector<Doorman::Verdict>& verdicts) {
  if (settings_.spf.off || !IsStranger()) co_return;
  if (!spf_.has_value()) {
    const mail::auth::spf::Query query{.client = facts_.client_address(),
                                       .helo = facts_.helo(),
                                       .sender = ToText(machine_.sender()),
                                       .receiver = settings_.smtp.host_name,
                                       .now_seconds = absl::ToUnixSeconds(parts_.clock.Now())};
    const absl::Time deadline = absl::Now() + settings_.spf.deadline;
    mail::auth::Lookups lookups;
    std::optional<mail::auth::spf::Verdict> verdict;
    while (!(verdict = CheckHost(query, lookups)).has_value()) {
      const std::vector<dns::Question> questions = lookups.TakeWanted();
      DnsAnswers answers = co_await AskDns(questions, deadline);
      for (size_t i = 0; i < questions.size(); ++i)
        lookups.Tell(questions[i], std::move(answers[i]));
    }
    spf_ = ToProto(*verdict);
    parts_.metrics.spf.at(spf_->result())->Add();
  }
  EnforceSpf(verdicts);
}

// What the operator enforces holds whatever tenants' lists and rules say.
void Session::EnforceSpf(std::vector<Doorman::Verdict>& verdicts) {
  if (std::ranges::find(settings_.spf.enforced, machine_.sender().domain) ==
      settings_.spf.enforced.end())
    return;
  const std::string& result = spf_->result();
  if (result == "pass" || result == "none") return;
  const bool for_now = result == "temperror";
  for (Doorman::Verdict& verdict : verdicts) {
    if (verdict.refusal) continue;
    verdict.refusal = ReplyOf(for_now ? refusals::kSenderUnproven : refusals::kForgedSender);
    verdict.reason = base::Cat("SPF ", result, ": ", spf_->reason());
  }
}

// Asks about all whom only the destination knows, at the same time.
net::Task<void> Session::AskDestinations(std::vector<Doorman::Verdict>& verdicts) {
  // Shared with the callbacks, which may be called on any thread.
  struct Answers {
    explicit Answers(size_t n) : left(n), of(n) {}
    std::atomic<size_t> left;
    std::vector<absl::StatusOr<RecipientAnswer>> of;
    absl::AnyInvocable<void(bool) &&> done;
  };
  std::vector<Doorman::Verdict*> asked;
  for (Doorman::Verdict& verdict : verdicts) {
    if (!verdict.refusal && verdict.ask_destination) asked.push_back(&verdict);
  }
  if (asked.empty()) co_return;
  const auto answers = std::make_shared<Answers>(asked.size());
  const Asking asking{.deadline = absl::Now() + settings_.timeouts.recipient_check,
                      .trace = trace_};
  auto ask = [&](absl::AnyInvocable<void(bool) &&> done) {
    answers->done = std::move(done);
    for (size_t i = 0; i < asked.size(); ++i) {
      parts_.recipient_check.Check(asked[i]->addressee.tenant, asked[i]->addressee.address, asking,
                                   [answers, i](absl::StatusOr<RecipientAnswer> answer) {
                                     answers->of[i] = std::move(answer);
                                     if (answers->left.fetch_sub(1) == 1)
                                       std::move(answers->done)(true);
                                   });
    }
  };
  (void)co_await net::Await<bool>(loop_, std::move(ask));
  for (size_t i = 0; i < asked.size(); ++i) {
    const absl::StatusOr<RecipientAnswer>& answer = answers->of[i];
    const Existence existence = answer.ok() ? answer->existence : Existence::kUnknown;
    if (existence == Existence::kExists) continue;
    asked[i]->refusal = ReplyOf(existence == Existence::kDoesNotExist ? refusals::kUnknownThere
                                                                      : refusals::kCannotCheck);
    asked[i]->reason = answer.ok() ? base::Cat("the destination: ", answer->reply)
                                   : base::Cat("call-out: ", answer.status().message());
  }
}

// Asks what the destinations can do, where the message is of a kind that not all of them take. Who
// does not know or does not answer is passed by.
net::Task<void> Session::AskLore(std::vector<Doorman::Verdict>& verdicts) {
  const mail::smtp::MailParameters& parameters = machine_.parameters();
  if (settings_.role != Role::kMx || !(parameters.smtp_utf8 || parameters.size > kTakenByAll))
    co_return;
  std::vector<Doorman::Verdict*> asked;
  std::vector<Destination> destinations;
  for (Doorman::Verdict& verdict : verdicts) {
    if (verdict.refusal) continue;
    const std::string& address = verdict.addressee.address;
    asked.push_back(&verdict);
    destinations.push_back(
        {.tenant = verdict.addressee.tenant, .domain = address.substr(address.rfind('@') + 1)});
  }
  if (asked.empty()) co_return;
  using Answer = absl::StatusOr<std::vector<DestinationAbilities>>;
  auto ask = [&](absl::AnyInvocable<void(Answer) &&> done) {
    parts_.destination_lore.Describe(
        std::move(destinations),
        {.deadline = absl::Now() + settings_.timeouts.destination_lore, .trace = trace_},
        std::move(done));
  };
  const Answer answer = co_await net::Await<Answer>(loop_, std::move(ask));
  for (size_t i = 0; answer.ok() && i < std::min(asked.size(), answer->size()); ++i) {
    const DestinationAbilities& abilities = (*answer)[i];
    if (!abilities.known) continue;
    if (parameters.smtp_utf8 && !abilities.smtp_utf8) {
      asked[i]->refusal = ReplyOf(refusals::kNoSmtpUtf8There);
      asked[i]->reason = "none of its servers spoken to in the last day offers SMTPUTF8";
    } else if (abilities.max_size > 0 && parameters.size > abilities.max_size) {
      asked[i]->refusal = ReplyOf(refusals::kTooBigThere);
      asked[i]->reason = base::Cat("its servers take ", abilities.max_size, " octets at most");
    }
  }
}

// Asks about those who are left, all in one call.
net::Task<void> Session::AskPolicy(std::vector<Doorman::Verdict>& verdicts) {
  policy::v1::EvaluateEnvelopeRequest request;
  std::vector<Doorman::Verdict*> asked;
  for (Doorman::Verdict& verdict : verdicts) {
    if (verdict.refusal) continue;
    asked.push_back(&verdict);
    AddRecipient(verdict.addressee, *request.add_recipients());
  }
  if (asked.empty()) co_return;
  *request.mutable_session() = facts_;
  request.set_direction(Direction());
  request.set_sender(ToText(machine_.sender()));
  const absl::Time began = absl::Now();
  using Answer = absl::StatusOr<policy::v1::EvaluateEnvelopeResponse>;
  auto ask = [&](absl::AnyInvocable<void(Answer) &&> done) {
    parts_.policy.EvaluateEnvelope(std::move(request),
                                   {.deadline = began + settings_.timeouts.policy, .trace = trace_},
                                   std::move(done));
  };
  const Answer answer = co_await net::Await<Answer>(loop_, std::move(ask));
  parts_.metrics.policy_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - began));
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!answer.ok() || i >= static_cast<size_t>(answer->decisions_size())) {
      asked[i]->refusal = ReplyOf(refusals::kTryLater);
      asked[i]->reason = answer.ok() ? "policy gave too few answers"
                                     : base::Cat("policy: ", answer.status().message());
      continue;
    }
    TakeDecision(answer->decisions(static_cast<int>(i)), *asked[i]);
  }
}

void Session::TakeDecision(const policy::v1::EnvelopeDecision& decision,
                           Doorman::Verdict& verdict) {
  if (!decision.accepted()) {
    verdict.refusal = ReplyIn(decision);
    verdict.reason = decision.rule();
    return;
  }
  // One reply ends a message: whose answer to it might differ from the first one's comes again.
  if (!verdict_class_.has_value()) verdict_class_ = decision.verdict_class();
  if (*verdict_class_ != decision.verdict_class()) {
    verdict.refusal = ReplyOf(refusals::kAnotherTime);
    verdict.reason = "rules about the header differ from those of the recipients before";
    return;
  }
  scan_may_refuse_ = scan_may_refuse_ && decision.scan_may_refuse();
  for (const policy::v1::HeaderTrigger& trigger : decision.triggers()) {
    HeaderTrigger one{.name = trigger.name(), .contains = trigger.contains()};
    if (std::ranges::find(triggers_, one) == triggers_.end()) triggers_.push_back(std::move(one));
  }
}

// Asks whether the message may stay, if something in its header is to be asked about. A reply
// refuses it.
net::Task<std::optional<Reply>> Session::AskAboutHeader() {
  const std::vector<mail::mime::DecodedField> header = reception_->TriggeredHeader();
  if (header.empty()) co_return std::nullopt;
  policy::v1::EvaluateHeadersRequest request;
  *request.mutable_session() = facts_;
  request.set_direction(Direction());
  request.set_sender(ToText(machine_.sender()));
  request.set_size(reception_->size());
  for (const Addressee& recipient : recipients_) AddRecipient(recipient, *request.add_recipients());
  for (const mail::mime::DecodedField& field : header) {
    mail::v1::HeaderField& one = *request.add_headers();
    one.set_name(field.name);
    one.set_value(field.value);
  }
  using Answer = absl::StatusOr<policy::v1::EvaluateHeadersResponse>;
  auto ask = [&](absl::AnyInvocable<void(Answer) &&> done) {
    parts_.policy.EvaluateHeaders(
        std::move(request), {.deadline = absl::Now() + settings_.timeouts.policy, .trace = trace_},
        std::move(done));
  };
  const Answer answer = co_await net::Await<Answer>(loop_, std::move(ask));
  if (!answer.ok()) co_return ReplyOf(refusals::kTryLater);
  if (answer->decision().accepted()) co_return std::nullopt;
  co_return ReplyIn(answer->decision());
}

// Asks what the message is and whether the rules let it stay. A reply refuses it; whatever cannot
// be answered in time is asked after the reply, by events.
net::Task<std::optional<Reply>> Session::AskScan() {
  std::optional<Scannable> scannable = reception_->ToScan();
  if (!scannable.has_value()) co_return std::nullopt;
  const Asking asking{.deadline = absl::Now() + settings_.scan.deadline, .trace = trace_};
  policy::v1::EvaluateMessageRequest request;
  *request.mutable_message() = scannable->message;
  using Scanned = absl::StatusOr<mail::v1::ScanResult>;
  auto scan = [&](absl::AnyInvocable<void(Scanned) &&> done) {
    parts_.scan.Scan(std::move(scannable->message), std::move(scannable->content), asking,
                     std::move(done));
  };
  Scanned scanned = co_await net::Await<Scanned>(loop_, std::move(scan));
  if (!scanned.ok()) {
    parts_.metrics.scans_later.Add();
    co_return std::nullopt;
  }
  *request.mutable_scan() = *scanned;
  using Answer = absl::StatusOr<policy::v1::EvaluateMessageResponse>;
  auto ask = [&](absl::AnyInvocable<void(Answer) &&> done) {
    parts_.policy.EvaluateMessage(std::move(request), asking, std::move(done));
  };
  const Answer answer = co_await net::Await<Answer>(loop_, std::move(ask));
  if (answer.ok() && !answer->decision().accepted()) {
    parts_.metrics.scans_refused.Add();
    // The scanner notes those that were taken, and hears nothing of this one.
    NoteReputation(reputation::EventOf(*scanned), 1);
    co_return ReplyIn(answer->decision());
  }
  parts_.metrics.scans_passed.Add();
  reception_->SetScan(*std::move(scanned));
  co_return std::nullopt;
}

}  // namespace cleanmail::ingress
