#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/mail/smtp/server_machine.h"
#include "libs/net/connection.h"
#include "libs/net/coroutines.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {

// One SMTP session: asks the directory and policy, hands content to intake, and lets the machine
// speak. Lives on its connection's loop. Between commands it holds no buffer.
class Session {
 public:
  Session(Sessions& sessions, std::unique_ptr<net::Connection> connection);
  ~Session();

  net::Task<void> Run();

 private:
  net::Task<void> Talk();
  net::Task<bool> Flush();
  net::Task<bool> OnEvent(mail::smtp::ServerEvent event);
  net::Task<void> OnRecipients();
  using DnsAnswers = std::vector<absl::StatusOr<dns::Answer>>;
  net::Task<DnsAnswers> AskDns(std::vector<dns::Question> questions, absl::Time deadline);
  bool IsStranger() const;
  bool IsRelayFor(std::vector<std::string> recipients) const;
  net::Task<void> AskDoor();
  net::Task<void> AskSpf(std::vector<Doorman::Verdict>& verdicts);
  void EnforceSpf(std::vector<Doorman::Verdict>& verdicts);
  net::Task<void> AskGreylist(std::vector<Doorman::Verdict>& verdicts);
  net::Task<void> RecallReputation(mail::v1::DoorFacts& facts);
  void NoteReputation(reputation::Reputations::Event event, double count);
  void NoteGuesses(const std::vector<Doorman::Verdict>& verdicts);
  net::Task<void> HoldUp();
  net::Task<void> AskDestinations(std::vector<Doorman::Verdict>& verdicts);
  net::Task<void> AskLore(std::vector<Doorman::Verdict>& verdicts);
  net::Task<void> AskPolicy(std::vector<Doorman::Verdict>& verdicts);
  void TakeDecision(const policy::v1::EnvelopeDecision& decision, Doorman::Verdict& verdict);
  net::Task<std::optional<mail::smtp::Reply>> AskAboutHeader();
  net::Task<std::optional<mail::smtp::Reply>> AskScan();
  // Whether to scan before the reply: not where nothing a scan can find would refuse.
  bool ScansNow() const { return !settings_.scan.off && scan_may_refuse_; }
  net::Task<void> OnData();
  net::Task<void> OnMessageEnd();
  net::Task<bool> OnStartTls();
  void OnMail();
  void OnMessageBad();
  void ForgetTransaction();
  void EndMessage();
  net::Task<void> OnReadFailure(absl::Status status);

  absl::Time Deadline() const;
  mail::v1::Direction Direction() const;
  std::string_view Hold(std::string_view input);
  std::string Protocol() const;
  void Refuse(std::string_view verb, const mail::smtp::Reply& reply, const Addressee& about,
              std::string_view reason);
  void LogSession() const;

  Sessions& sessions_;
  const SessionSettings& settings_;
  const SessionParts& parts_;
  const std::unique_ptr<net::Connection> connection_;
  net::Loop& loop_;
  net::ConnectionLimits::Ticket ticket_;
  mail::smtp::ServerMachine machine_;
  mail::v1::SessionFacts facts_;
  std::string held_;  // input that waits while something is being answered

  const absl::Time began_;
  absl::Time command_began_;
  absl::Time data_began_;

  std::string trace_;
  std::string tenant_;  // smart host: whose network the client is in
  std::vector<Addressee> recipients_;
  std::optional<mail::v1::DoorFacts> door_;   // of the client, once asked
  std::optional<mail::v1::SpfVerdict> spf_;   // of this transaction's sender
  std::optional<std::string> verdict_class_;  // of the first recipient accepted
  bool scan_may_refuse_ = true;  // for every recipient accepted so far what a scan finds may refuse
  std::vector<HeaderTrigger> triggers_;  // of all accepted ones
  std::unique_ptr<Reception> reception_;
  bool message_in_hand_ = false;

  int messages_ = 0;
  int refusals_ = 0;
  int errors_held_ = 0;  // errors of the client when it was last held up
  std::string end_ = "closed";
};

}  // namespace cleanmail::ingress
