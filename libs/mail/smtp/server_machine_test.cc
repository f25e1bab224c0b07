#include "libs/mail/smtp/server_machine.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/testing/mail_room.h"

namespace cleanmail::mail::smtp {
namespace {

using testing::MailRoom;
using namespace std::string_literals;

class ServerMachineTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    options.host_name = "mx";
    room_ = std::make_unique<MailRoom>(options);
    EXPECT_EQ(room_->Take(""), "220 mx ESMTP Cleanmail\r\n");
  }
  void Greet() { EXPECT_TRUE(Say("EHLO client.example").starts_with("250-mx\r\n")); }
  void Ready() {
    Greet();
    EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "250 2.1.0 Ok\r\n");
    EXPECT_EQ(Say("RCPT TO:<b@r.example>"), "250 2.1.5 Ok\r\n");
  }
  std::string Say(const std::string& line) { return room_->Take(line + "\r\n"); }

  std::unique_ptr<MailRoom> room_;
};

TEST_F(ServerMachineTest, OffersWhatItHas) {
  Start({.message = {.bytes = 1000}});
  EXPECT_EQ(Say("EHLO x"),
            "250-mx\r\n250-PIPELINING\r\n250-SIZE "
            "1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n");
  Start({.offer_starttls = true});
  EXPECT_NE(Say("EHLO x").find("STARTTLS"), std::string::npos);
}

// RFC 3461 §4
TEST_F(ServerMachineTest, TakesNotificationParametersWhereTheyAreOffered) {
  Start({.offer_dsn = true});
  EXPECT_NE(Say("EHLO x").find("250 DSN"), std::string::npos);
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> RET=FULL RET=HDRS"), "501 5.5.4 Malformed RET\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> RET=ALL"), "501 5.5.4 Malformed RET\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> ret=hdrs ENVID=a+20b"), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(room_->machine().parameters().dsn_return, "HDRS");
  EXPECT_EQ(room_->machine().parameters().envelope_id, "a b");
  EXPECT_EQ(Say("RCPT TO:<b@r.example> NOTIFY=NEVER,DELAY"), "501 5.5.4 Malformed NOTIFY\r\n");
  EXPECT_EQ(Say("RCPT TO:<b@r.example> X=Y").substr(0, 9), "555 5.5.4");
  EXPECT_EQ(Say("RCPT TO:<b@r.example>NOTIFY=NEVER").substr(0, 3), "501");
  EXPECT_EQ(Say("RCPT TO:<b@r.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@r.example"),
            "250 2.1.5 Ok\r\n");
}

TEST_F(ServerMachineTest, RefusesNotificationParametersWhereTheyAreNotOffered) {
  Start();
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> ENVID=x").substr(0, 9), "555 5.5.4");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(Say("RCPT TO:<b@r.example> NOTIFY=NEVER").substr(0, 9), "555 5.5.4");
}

TEST_F(ServerMachineTest, TakesAPipelinedTransactionAndAnswersInOrder) {
  Start();
  room_->answers()["c@r.example"] = {550, "5.1.1", "No such user"};
  Greet();
  EXPECT_EQ(room_->Take("MAIL FROM:<a@s.example> SIZE=10 BODY=8BITMIME\r\nRCPT "
                        "TO:<b@r.example>\r\nRCPT TO:<c@r.example>\r\n"
                        "RCPT TO:<bad\r\nRCPT TO:<d@r.example>\r\nDATA\r\n"),
            "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 No such user\r\n"
            "501 5.1.3 Bad recipient: the address has no domain\r\n250 2.1.5 Ok\r\n354 End data "
            "with <CR><LF>.<CR><LF>\r\n");
  EXPECT_EQ(room_->Take("Subject: x\r\n\r\nhi\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n"),
            "250 2.0.0 Ok: queued as 1\r\n250 2.1.0 Ok\r\n221 2.0.0 Bye\r\n");
  ASSERT_EQ(room_->messages().size(), 1u);
  EXPECT_EQ(room_->messages()[0].recipients,
            (std::vector<std::string>{"b@r.example", "d@r.example"}));
  EXPECT_TRUE(room_->messages()[0].eight_bit);
  EXPECT_EQ(room_->messages()[0].content, "Subject: x\r\n\r\nhi\r\n");
  EXPECT_TRUE(room_->closed());
}

TEST_F(ServerMachineTest, GivesTheSameInAnyPieces) {
  const std::string talk =
      "EHLO x\r\nMAIL FROM:<a@s.example>\r\nRCPT TO:<b@r.example>\r\nBDAT 5\r\nhelloBDAT 6 "
      "LAST\r\n\r\n.\r\n\r"
      "nRSET\r\n";
  for (size_t step = 1; step < talk.size(); ++step) {
    Start({.line_ends = LineEnds::kRepair});
    std::string out;
    for (size_t at = 0; at < talk.size(); at += step) out += room_->Take(talk.substr(at, step));
    EXPECT_TRUE(
        out.ends_with("250 2.0.0 5 octets received\r\n250 2.0.0 Ok: queued as 1\r\n500 5.5.2 "
                      "Command not known\r\n"))
        << out;
    EXPECT_EQ(room_->messages()[0].content, "hello\r\n.\r\n\r\n");
  }
}

TEST_F(ServerMachineTest, RefusesCommandsOutOfOrder) {
  Start();
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "503 5.5.1 Say EHLO first\r\n");
  Greet();
  EXPECT_EQ(Say("RCPT TO:<b@r.example>"), "503 5.5.1 Give a sender first\r\n");
  EXPECT_EQ(Say("DATA"), "503 5.5.1 Give a sender first\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "503 5.5.1 A sender was already given\r\n");
  EXPECT_EQ(Say("DATA"), "554 5.5.1 No valid recipients\r\n");
}

TEST_F(ServerMachineTest, AnswersTheSmallVerbs) {
  Start();
  Greet();
  EXPECT_EQ(Say("noop anything"), "250 2.0.0 Ok\r\n");
  EXPECT_EQ(Say("VRFY joe").substr(0, 3), "252");
  EXPECT_EQ(Say("EXPN list").substr(0, 3), "502");
  EXPECT_EQ(Say("HELP").substr(0, 3), "214");
  EXPECT_EQ(Say("LHLO x").substr(0, 3), "500");
  EXPECT_EQ(Say("AUTH PLAIN").substr(0, 3), "502");
  EXPECT_EQ(Say("STARTTLS").substr(0, 3), "502");
  EXPECT_EQ(Say("").substr(0, 3), "500");
  EXPECT_EQ(Say("RSET x").substr(0, 3), "501");
  EXPECT_EQ(Say("RSET"), "250 2.0.0 Ok\r\n");
}

TEST_F(ServerMachineTest, ChecksParameters) {
  Start({.message = {.bytes = 1000}});
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> SIZE=1001"),
            "552 5.3.4 Message too big, the limit is 1000 octets\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> SIZE=-1").substr(0, 3), "501");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> SIZE=99999999999999999999").substr(0, 3), "501");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> BODY=BINARYMIME").substr(0, 3), "501");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example> RET=HDRS").substr(0, 3), "555");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>x").substr(0, 3), "501");
  EXPECT_EQ(Say("MAIL <a@s.example>").substr(0, 3), "501");
  EXPECT_EQ(Say("MAIL FROM:<jörg@s.example>"),
            "553 5.6.7 Addresses beyond ASCII need SMTPUTF8\r\n");
  EXPECT_EQ(Say("mail from: <jörg@s.example> smtputf8"), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(Say("RCPT TO:<b@r.example> NOTIFY=NEVER").substr(0, 3), "555");
  EXPECT_EQ(Say("rcpt to:<Postmaster>"), "250 2.1.5 Ok\r\n");
  EXPECT_EQ(Say("RCPT TO:<>").substr(0, 3), "501");
}

TEST_F(ServerMachineTest, T_A6_AtLeastAHundredRecipientsThen452) {
  Start({.recipients = 100});
  Greet();
  Say("MAIL FROM:<>");
  std::string group;
  for (int i = 0; i < 101; ++i) group += "RCPT TO:<r" + std::to_string(i) + "@r.example>\r\n";
  const std::string out = room_->Take(group);
  EXPECT_TRUE(out.ends_with(
      "250 2.1.5 Ok\r\n452 4.5.3 Too many recipients, send the rest in another transaction\r\n"));
  EXPECT_EQ(room_->machine().accepted_recipients(), 100);
}

TEST_F(ServerMachineTest, T_A6_LongCommandLinesAreRefusedAndForgotten) {
  Start({.command_line_bytes = 100});
  for (const size_t step : {1, 50, 5000}) {
    const std::string line = "NOOP " + std::string(3000, 'x') + "\r\n";
    std::string out;
    for (size_t at = 0; at < line.size(); at += step) out += room_->Take(line.substr(at, step));
    EXPECT_EQ(out, "500 5.5.2 Command line too long\r\n");
  }
  EXPECT_EQ(Say("NOOP"), "250 2.0.0 Ok\r\n");
}

TEST_F(ServerMachineTest, T_A6_TooManyErrorsEndTheSession) {
  Start({.errors = 3});
  EXPECT_EQ(Say("x"), "500 5.5.2 Command not known\r\n");
  EXPECT_EQ(room_->Take("x\r\nx\r\nNOOP\r\n"),
            "500 5.5.2 Command not known\r\n500 5.5.2 Command not known\r\n421 4.7.0 Too many "
            "errors, closing\r\n");
  EXPECT_TRUE(room_->closed());
}

TEST_F(ServerMachineTest, T_A6_EnoughMessagesForOneSession) {
  Start({.messages = 1});
  Ready();
  Say("DATA");
  EXPECT_EQ(Say(".").substr(0, 3), "250");
  EXPECT_EQ(Say("MAIL FROM:<>").substr(0, 3), "421");
  EXPECT_TRUE(room_->closed());
}

TEST_F(ServerMachineTest, T_A6_AMessageThatGrowsTooBigIsRefusedAtItsEndAndCutOffIfItNeverEnds) {
  Start({.message = {.bytes = 1000}});
  Ready();
  Say("DATA");
  EXPECT_EQ(room_->Take(std::string(1500, 'x') + "\r\n.\r\n"),
            "552 5.3.4 Message too big, the limit is 1000 octets\r\n");
  Say("MAIL FROM:<>");
  Say("RCPT TO:<b@r.example>");
  Say("DATA");
  for (int i = 0; i < 100 && !room_->closed(); ++i) room_->Take(std::string(100, 'x'));
  EXPECT_TRUE(room_->closed());
}

TEST_F(ServerMachineTest, T_A3_DropsWhatWasSentBehindStarttls) {
  Start({.offer_starttls = true});
  Greet();
  Say("MAIL FROM:<a@s.example>");
  EXPECT_EQ(room_->Take("STARTTLS\r\nRSET\r\nMAIL FROM:<evil@s.example>\r\nRCPT TO:<b@r.exam"),
            "220 2.0.0 Ready to start TLS\r\n");
  ASSERT_TRUE(room_->wants_tls());
  EXPECT_FALSE(room_->machine().in_transaction());
  room_->Handshake();
  EXPECT_EQ(room_->Take("ple>\r\n"), "500 5.5.2 Command not known\r\n");
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "503 5.5.1 Say EHLO first\r\n")
      << "the state is as after the greeting";
  EXPECT_EQ(Say("EHLO x").find("STARTTLS"), std::string::npos);
  EXPECT_EQ(Say("STARTTLS").substr(0, 3), "503");
  EXPECT_TRUE(room_->messages().empty());
}

TEST_F(ServerMachineTest, T_A3_APartOfACommandFromBeforeTlsIsNotContinuedAfterIt) {
  Start({.offer_starttls = true});
  Greet();
  room_->Take("STARTTLS\r\nNOO");
  room_->Handshake();
  EXPECT_EQ(room_->Take("P\r\n"), "500 5.5.2 Command not known\r\n");
}

TEST_F(ServerMachineTest, RequiresTlsForMailWhereToldTo) {
  Start({.offer_starttls = true, .require_tls = true});
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<a@s.example>"), "530 5.7.0 Must issue a STARTTLS command first\r\n");
}

TEST_F(ServerMachineTest, T_A2_TakesChunksWithCommandsBehindThem) {
  Start();
  Ready();
  EXPECT_EQ(room_->Take("BDAT 7\r\na\r\n.\r\nbNOOP\r\nBDAT 2\r\n\r\nBDAT 0 LAST\r\nNOOP\r\n"),
            "250 2.0.0 7 octets received\r\n250 2.0.0 Ok\r\n250 2.0.0 9 octets received\r\n250 "
            "2.0.0 Ok: queued as 1\r\n250 2.0.0 Ok\r\n");
  EXPECT_EQ(room_->messages()[0].content, "a\r\n.\r\nb\r\n");
}

TEST_F(ServerMachineTest, T_A2_AnEmptyLastChunkAloneIsAnEmptyMessage) {
  Start();
  Ready();
  EXPECT_EQ(Say("BDAT 0 LAST"), "250 2.0.0 Ok: queued as 1\r\n");
  EXPECT_EQ(room_->messages()[0].content, "");
}

TEST_F(ServerMachineTest, T_A2_MixingDataAndBdatIsRefused) {
  Start();
  Ready();
  EXPECT_EQ(room_->Take("BDAT 5\r\nhelloDATA\r\n"),
            "250 2.0.0 5 octets received\r\n503 5.5.1 The message was begun by BDAT\r\n");
  EXPECT_EQ(Say("RCPT TO:<c@r.example>"), "503 5.5.1 The message has begun\r\n");
  EXPECT_EQ(Say("RSET"), "250 2.0.0 Ok\r\n");
  EXPECT_TRUE(room_->messages().empty());
}

TEST_F(ServerMachineTest, T_A2_ChunksOutOfPlaceAreSwallowedNotObeyed) {
  Start();
  Greet();
  EXPECT_EQ(room_->Take("BDAT 6\r\nQUIT\r\nNOOP\r\n"),
            "503 5.5.1 Give a sender first\r\n250 2.0.0 Ok\r\n");
  Say("MAIL FROM:<>");
  EXPECT_EQ(room_->Take("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
            "554 5.5.1 No valid recipients\r\n250 2.0.0 Ok\r\n");
  Say("RCPT TO:<b@r.example>");
  room_->answers()["DATA"] = {451, "4.3.0", "Later"};
  EXPECT_EQ(room_->Take("BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n"),
            "451 4.3.0 Later\r\n503 5.5.1 Give a sender first\r\n");
  EXPECT_FALSE(room_->closed());
}

TEST_F(ServerMachineTest, T_A2_ChunksWithoutAPlainSizeEndTheSession) {
  for (const char* arguments :
       {"", "x", "-1", "1 FIRST", "1 LAST x", "99999999999999999999", "+5"}) {
    Start();
    Ready();
    EXPECT_EQ(Say("BDAT "s + arguments).substr(0, 3), "501") << arguments;
    EXPECT_TRUE(room_->closed());
  }
}

TEST_F(ServerMachineTest, T_A2_OversizeChunksAreRefused) {
  Start({.message = {.bytes = 10}});
  Ready();
  EXPECT_EQ(room_->Take("BDAT 12\r\nxxxxxxxxxxxxNOOP\r\n"),
            "552 5.3.4 Message too big, the limit is 10 octets\r\n250 2.0.0 Ok\r\n");
  EXPECT_EQ(room_->Take("BDAT 21\r\n").substr(0, 3), "552");
  EXPECT_TRUE(room_->closed()) << "nobody waits for a chunk far beyond the limit";
}

TEST_F(ServerMachineTest, T_A2_BareLineEndsInChunksAreRefusedToo) {
  Start();
  Ready();
  EXPECT_EQ(room_->Take("BDAT 3 LAST\r\na\nb").substr(0, 10), "550 5.6.11");
  EXPECT_TRUE(room_->messages().empty());
}

TEST_F(ServerMachineTest, ForeignProtocolsAreDroppedWithoutAWord) {
  Start();
  EXPECT_EQ(room_->Take("POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@s.example>\r\n"), "");
  EXPECT_TRUE(room_->closed());
}

TEST_F(ServerMachineTest, T_A12_NothingTheClientSaysSplitsAReply) {
  Start();
  EXPECT_EQ(room_->Take("EHLO x\rMAIL\r\n"),
            "500 5.5.2 A command is one line of text that ends in CRLF\r\n");
  EXPECT_EQ(room_->Take("EHLO x\0y\r\n"s).substr(0, 3), "500");
  EXPECT_EQ(room_->Take("EHLO \xff\xfe\r\n").substr(0, 3), "501");
}

TEST_F(ServerMachineTest, EhloEndsATransaction) {
  Start();
  Ready();
  Greet();
  EXPECT_EQ(Say("DATA"), "503 5.5.1 Give a sender first\r\n");
}

TEST_F(ServerMachineTest, ARefusedMessageLeavesTheSessionOpen) {
  Start();
  Ready();
  Say("DATA");
  room_->answers()["END"] = {451, "4.3.0", "Later"};
  EXPECT_EQ(Say("x\r\n."), "451 4.3.0 Later\r\n");
  room_->answers().clear();
  Say("MAIL FROM:<>");
  Say("RCPT TO:<b@r.example>");
  Say("DATA");
  EXPECT_EQ(Say("y\r\n."), "250 2.0.0 Ok: queued as 1\r\n");
  EXPECT_EQ(room_->messages()[0].content, "y\r\n");
}

}  // namespace
}  // namespace cleanmail::mail::smtp
