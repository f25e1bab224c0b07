#include "libs/mail/smtp/client_machine.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/testing/mail_room.h"

namespace cleanmail::mail::smtp {
namespace {

using testing::MailRoom;

constexpr std::string_view kMessage = "Subject: x\r\n\r\n.dot\r\n.\r\nend";

Transaction To(std::vector<std::string> recipients) {
  return {.sender = "a@s.example", .recipients = std::move(recipients), .size = 30};
}

// Drives the machine until it wants something that is not input, over a server that answers at
// once.
class Conversation {
 public:
  explicit Conversation(ClientOptions options, ServerOptions server = {.host_name = "mx"})
      : machine(std::move(options)), room(server) {
    machine.Feed(room.Take(""));
  }

  ClientWant Run() {
    while (true) {
      const std::string out = machine.TakeOutput();
      sent += out;
      const std::string back = room.Take(out);
      if (!back.empty()) {
        machine.Feed(back);
        continue;
      }
      if (machine.want() == ClientWant::kStartTls && room.wants_tls()) {
        room.Handshake();
        machine.TlsStarted();
        continue;
      }
      if (machine.want() == ClientWant::kBody) {
        machine.Body(kMessage.substr(0, 13));
        machine.Body(kMessage.substr(13));
        machine.EndBody();
        continue;
      }
      return machine.want();
    }
  }

  std::vector<Outcome> Deliver(Transaction transaction) {
    EXPECT_EQ(Run(), ClientWant::kTransaction);
    machine.Begin(std::move(transaction));
    EXPECT_EQ(Run(), ClientWant::kResult);
    return machine.TakeOutcomes();
  }

  ClientMachine machine;
  MailRoom room;
  std::string sent;
};

TEST(ClientMachine, DeliversWithAndWithoutPipeliningAndChunking) {
  for (const bool pipelining : {true, false}) {
    for (const bool chunking : {true, false}) {
      Conversation c({.host_name = "us", .chunking = chunking, .pipelining = pipelining});
      const auto outcomes = c.Deliver(To({"b@r.example", "c@r.example"}));
      ASSERT_EQ(outcomes.size(), 2u);
      EXPECT_TRUE(outcomes[0].delivered());
      EXPECT_EQ(outcomes[1].reply.text, "Ok: queued as 1");
      ASSERT_EQ(c.room.messages().size(), 1u);
      EXPECT_EQ(c.room.messages()[0].content, std::string(kMessage) + "\r\n");
      EXPECT_EQ(c.room.messages()[0].chunked, chunking);
      EXPECT_EQ(c.room.messages()[0].recipients.size(), 2u);
    }
  }
}

TEST(ClientMachine, ReusesAConnectionForSeveralMessages) {
  Conversation c({.host_name = "us"});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.Deliver(To({"b@r.example"}))[0].delivered());
  EXPECT_EQ(c.sent.find("RSET"), std::string::npos);
  c.machine.Quit();
  EXPECT_EQ(c.Run(), ClientWant::kClosed);
  EXPECT_TRUE(c.room.closed());
  EXPECT_EQ(c.room.messages().size(), 3u);
}

TEST(ClientMachine, TellsEachRecipientItsOwnOutcome) {
  for (const bool pipelining : {true, false}) {
    Conversation c({.host_name = "us", .pipelining = pipelining});
    c.room.answers()["b@r.example"] = {550, "5.1.1", "No such user"};
    c.room.answers()["d@r.example"] = {450, "4.2.1", "Busy"};
    const auto outcomes = c.Deliver(To({"b@r.example", "c@r.example", "d@r.example"}));
    EXPECT_EQ(outcomes[0].reply, (Reply{550, "5.1.1", "No such user"}));
    EXPECT_EQ(outcomes[0].stage, Stage::kRecipient);
    EXPECT_TRUE(outcomes[1].delivered());
    EXPECT_EQ(outcomes[2].reply.code, 450);
  }
}

TEST(ClientMachine, AsksForRecipientsWithoutSendingAMessage) {
  for (const bool pipelining : {true, false}) {
    Conversation c({.host_name = "us", .pipelining = pipelining});
    c.room.answers()["b@r.example"] = {550, "5.1.1", "No such user"};
    Transaction ask = To({"b@r.example", "c@r.example"});
    ask.recipients_only = true;
    const auto outcomes = c.Deliver(ask);
    EXPECT_EQ(outcomes[0].reply.enhanced, "5.1.1");
    EXPECT_EQ(outcomes[1].reply.code, 250);
    EXPECT_EQ(outcomes[1].stage, Stage::kRecipient);
    EXPECT_FALSE(outcomes[1].delivered());
    EXPECT_EQ(c.sent.find("DATA"), std::string::npos);
    EXPECT_TRUE(c.Deliver(To({"c@r.example"}))[0].delivered());
    EXPECT_NE(c.sent.find("RSET"), std::string::npos);
  }
}

// RFC 3461 §5.2.1, §5.2.2
TEST(ClientMachine, PassesNotificationParametersOnOnlyWhereTheyAreOffered) {
  Transaction transaction = To({"b@r.example", "c@r.example"});
  transaction.dsn_return = "FULL";
  transaction.envelope_id = "a b";
  transaction.recipient_parameters = {
      {.never = true}, {.on_success = true, .original_recipient = "rfc822;d@r.example"}};
  Conversation offered({.host_name = "us"}, {.host_name = "mx", .offer_dsn = true});
  EXPECT_TRUE(offered.Deliver(transaction)[1].delivered());
  EXPECT_NE(offered.sent.find("RET=FULL ENVID=a+20b\r\n"), std::string::npos);
  EXPECT_NE(offered.sent.find("RCPT TO:<b@r.example> NOTIFY=NEVER\r\nRCPT TO:<c@r.example> "
                              "NOTIFY=SUCCESS ORCPT=rfc822;d@r.example\r\n"),
            std::string::npos);
  Conversation plain({.host_name = "us"});
  EXPECT_TRUE(plain.Deliver(transaction)[1].delivered());
  EXPECT_EQ(plain.sent.find("NOTIFY"), std::string::npos);
  EXPECT_EQ(plain.sent.find("ENVID"), std::string::npos);
}

TEST(ClientMachine, SendsNoMessageWhenAllRecipientsAreRefusedAndResetsBeforeTheNext) {
  for (const bool pipelining : {true, false}) {
    Conversation c({.host_name = "us", .pipelining = pipelining});
    c.room.answers()["b@r.example"] = {550, "5.1.1", "No such user"};
    EXPECT_FALSE(c.Deliver(To({"b@r.example"}))[0].delivered());
    EXPECT_TRUE(c.Deliver(To({"c@r.example"}))[0].delivered());
    EXPECT_NE(c.sent.find("RSET\r\n"), std::string::npos);
    EXPECT_EQ(c.room.messages().size(), 1u);
  }
}

TEST(ClientMachine, ARefusedSenderOrMessageIsEverybodysOutcome) {
  for (const char* where : {"MAIL", "DATA", "END"}) {
    for (const bool pipelining : {true, false}) {
      Conversation c({.host_name = "us", .pipelining = pipelining});
      c.room.answers()[where] = {554, "5.7.1", "Refused"};
      const auto outcomes = c.Deliver(To({"b@r.example", "c@r.example"}));
      for (const Outcome& outcome : outcomes) {
        EXPECT_EQ(outcome.reply.text, "Refused") << where;
        EXPECT_FALSE(outcome.delivered());
      }
      c.room.answers().clear();
      EXPECT_TRUE(c.Deliver(To({"b@r.example"}))[0].delivered()) << where;
    }
  }
}

TEST(ClientMachine, SendsManyRecipientsInGroups) {
  Conversation c({.host_name = "us"});
  std::vector<std::string> recipients;
  for (int i = 0; i < 350; ++i) recipients.push_back("r" + std::to_string(i) + "@r.example");
  const auto outcomes = c.Deliver(To(recipients));
  EXPECT_EQ(outcomes.size(), 350u);
  EXPECT_TRUE(outcomes[349].delivered());
  EXPECT_EQ(c.room.messages()[0].recipients.size(), 350u);
}

TEST(ClientMachine, UsesTlsWhereOfferedAndSaysEhloAgain) {
  Conversation c({.host_name = "us"}, {.host_name = "mx", .offer_starttls = true});
  EXPECT_TRUE(c.Deliver(To({"b@r.example"}))[0].delivered());
  EXPECT_TRUE(c.machine.tls());
  EXPECT_TRUE(c.room.messages()[0].tls);
}

TEST(ClientMachine, T_A4_NeverSendsMailInTheClearWhenTlsIsDemanded) {
  Conversation c({.host_name = "us", .tls = TlsPolicy::kMust});
  EXPECT_EQ(c.Run(), ClientWant::kClosed);
  EXPECT_EQ(c.machine.failure()->reply.code, 454);
  EXPECT_EQ(c.sent.find("MAIL"), std::string::npos);

  ClientMachine refused({.host_name = "us", .tls = TlsPolicy::kMust});
  refused.Feed("220 mx\r\n250-mx\r\n250 STARTTLS\r\n");
  refused.Feed("454 4.7.0 not now\r\n");
  EXPECT_EQ(refused.want(), ClientWant::kClosed);
  EXPECT_EQ(refused.TakeOutput().find("MAIL"), std::string::npos);
}

TEST(ClientMachine, T_A4_DropsWhatTheServerSentBeforeTheHandshake) {
  ClientMachine machine({.host_name = "us", .tls = TlsPolicy::kMust});
  machine.Feed("220 mx\r\n250-mx\r\n250 STARTTLS\r\n");
  machine.Feed("220 go\r\n250-evil\r\n250 SMTPUTF8\r\n250 2.1.0 ");
  ASSERT_EQ(machine.want(), ClientWant::kStartTls);
  machine.Feed("250 more\r\n");
  (void)machine.TakeOutput();
  machine.TlsStarted();
  EXPECT_EQ(machine.want(), ClientWant::kInput)
      << "the replies from before the handshake must not have counted";
  EXPECT_EQ(machine.TakeOutput(), "EHLO us\r\n");
  machine.Feed("250 mx\r\n");
  EXPECT_EQ(machine.want(), ClientWant::kTransaction);
  EXPECT_FALSE(machine.extensions().smtp_utf8);
}

TEST(ClientMachine, FallsBackToHelo) {
  ClientMachine machine({.host_name = "us"});
  machine.Feed("220 mx\r\n");
  EXPECT_EQ(machine.TakeOutput(), "EHLO us\r\n");
  machine.Feed("502 5.5.1 what\r\n");
  EXPECT_EQ(machine.TakeOutput(), "HELO us\r\n");
  machine.Feed("250 mx\r\n");
  machine.Begin(To({"b@r.example"}));
  EXPECT_EQ(machine.TakeOutput(), "MAIL FROM:<a@s.example>\r\n");
}

TEST(ClientMachine, Rfc7504_AServerThatTakesNoMailSaysSoInItsGreeting) {
  for (const char* greeting :
       {"521 5.3.2 no mail here\r\n", "554 5.3.2 go away\r\n", "421 4.3.2 later\r\n"}) {
    ClientMachine machine({.host_name = "us"});
    machine.Feed(greeting);
    EXPECT_EQ(machine.want(), ClientWant::kClosed);
    EXPECT_EQ(machine.failure()->stage, Stage::kConnect);
    EXPECT_EQ(machine.failure()->reply.code, std::stoi(greeting));
  }
}

TEST(ClientMachine, RefusesHereWhatTheServerCannotTake) {
  ClientMachine machine({.host_name = "us"});
  machine.Feed("220 mx\r\n250-mx\r\n250 SIZE 1000\r\n");
  machine.Begin({.sender = "a@s.example", .recipients = {"jörg@r.example"}, .smtp_utf8 = true});
  EXPECT_EQ(machine.TakeOutcomes()[0].reply.enhanced, "5.6.7");
  machine.Begin({.sender = "a@s.example", .recipients = {"b@r.example"}, .size = 1001});
  EXPECT_EQ(machine.TakeOutcomes()[0].reply.code, 552);
  machine.Begin({.sender = "a@s.example", .recipients = {"b@r.example>\r\nRCPT TO:<c@r.example"}});
  EXPECT_EQ(machine.TakeOutcomes()[0].reply.code, 553);
  EXPECT_EQ(machine.TakeOutput(), "EHLO us\r\n");
}

TEST(ClientMachine, NamesBodyAndSizeOnlyWhereOffered) {
  Conversation c({.host_name = "us"});
  c.Deliver({.sender = "",
             .recipients = {"jörg@r.example"},
             .smtp_utf8 = true,
             .eight_bit = true,
             .size = 9});
  EXPECT_NE(c.sent.find("MAIL FROM:<> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n"), std::string::npos);
}

TEST(ClientMachine, A421AnywhereEndsTheSessionWithTheServersWords) {
  const std::string replies[] = {"250 a\r\n", "250 b\r\n", "354 c\r\n"};
  for (size_t stop = 0; stop < 3; ++stop) {
    ClientMachine machine({.host_name = "us"});
    machine.Feed("220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
    machine.Begin(To({"b@r.example"}));
    for (size_t i = 0; i < stop; ++i) machine.Feed(replies[i]);
    machine.Feed("421 4.3.2 going down\r\n");
    ASSERT_EQ(machine.want(), ClientWant::kResult);
    EXPECT_EQ(machine.TakeOutcomes()[0].reply.text, "going down");
    EXPECT_EQ(machine.want(), ClientWant::kClosed);
  }
}

TEST(ClientMachine, ALostConnectionIsATemporaryFailureAtEveryStage) {
  const std::string replies[] = {"250 a\r\n", "250 b\r\n", "354 c\r\n"};
  for (size_t stop = 0; stop <= 3; ++stop) {
    ClientMachine machine({.host_name = "us"});
    machine.Feed("220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
    machine.Begin(To({"b@r.example"}));
    for (size_t i = 0; i < stop; ++i) machine.Feed(replies[i]);
    if (stop == 3) {
      machine.Body("x");
      machine.EndBody();
    }
    machine.Disconnected();
    ASSERT_EQ(machine.want(), ClientWant::kResult);
    const auto outcomes = machine.TakeOutcomes();
    EXPECT_TRUE(outcomes[0].reply.transient());
    EXPECT_TRUE(outcomes[0].local);
    EXPECT_FALSE(outcomes[0].delivered());
    EXPECT_EQ(outcomes[0].stage, stop == 3   ? Stage::kEnd
                                 : stop == 2 ? Stage::kData
                                 : stop == 1 ? Stage::kRecipient
                                             : Stage::kMail);
  }
}

TEST(ClientMachine, AnswersASenselessServerWithATemporaryFailure) {
  for (const char* nonsense : {"hello\r\n", "250-x\r\n251 y\r\n", "354 too early\r\n",
                               "250 a\r\n250 b\r\n250 for data\r\n"}) {
    ClientMachine machine({.host_name = "us"});
    machine.Feed("220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
    machine.Begin(To({"b@r.example"}));
    machine.Feed(nonsense);
    if (machine.want() == ClientWant::kInput) machine.Disconnected();
    ASSERT_EQ(machine.want(), ClientWant::kResult) << nonsense;
    EXPECT_FALSE(machine.TakeOutcomes()[0].delivered());
  }
}

TEST(ClientMachine, DataForNobodyIsAnsweredWithAnEmptyMessage) {
  ClientMachine machine({.host_name = "us"});
  machine.Feed("220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
  machine.Begin(To({"b@r.example"}));
  (void)machine.TakeOutput();
  machine.Feed("250 a\r\n550 5.1.1 no\r\n354 go\r\n");
  EXPECT_EQ(machine.TakeOutput(), ".\r\n");
  machine.Feed("250 thanks\r\n");
  EXPECT_FALSE(machine.TakeOutcomes()[0].delivered());
}

TEST(ClientMachine, ARefusalInTheMiddleOfTheMessageEndsIt) {
  ClientMachine machine({.host_name = "us"});
  machine.Feed("220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
  machine.Begin(To({"b@r.example"}));
  machine.Feed("250 a\r\n250 b\r\n354 c\r\n");
  machine.Body("some");
  machine.Feed("552 5.3.4 too big\r\n");
  ASSERT_EQ(machine.want(), ClientWant::kResult);
  EXPECT_EQ(machine.TakeOutcomes()[0].reply.code, 552);
  machine.Body("more");  // the shell may not have noticed yet
}

}  // namespace
}  // namespace cleanmail::mail::smtp
