#include "services/scanner/spamd/door.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/store/blob/fake_blob_store.h"
#include "services/scanner/analyzers/spam/gtube.h"
#include "services/scanner/analyzers/structure/structure.h"

namespace cleanmail::scanner::spamd {
namespace {

// Remembers what it was shown; answers what it is told.
class Witness final : public Analyzer {
 public:
  Witness(mail::v1::Message& seen, std::string& bytes, absl::Status& status)
      : seen_(seen), bytes_(bytes), status_(status) {}
  std::string_view name() const override { return "witness"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override {
    seen_ = *message.envelope;
    bytes_ = message.bytes;
    if (!status_.ok()) return status_;
    return Findings{};
  }

 private:
  mail::v1::Message& seen_;
  std::string& bytes_;
  absl::Status& status_;
};

class SpamdDoorTest : public ::testing::Test {
 protected:
  SpamdDoorTest() {
    provisioning::v1::DirectoryChanged tenant;
    tenant.mutable_tenant()->set_name("tenants/acme");
    tenant.set_name("tenants/acme");
    directory_.Apply(tenant);
    provisioning::v1::DirectoryChanged domain;
    domain.mutable_domain()->set_name("tenants/acme/domains/example.org");
    domain.set_name("tenants/acme/domains/example.org");
    directory_.Apply(domain);
    directory_.Complete();
    std::vector<std::unique_ptr<Analyzer>> analyzers;
    analyzers.push_back(std::make_unique<Witness>(seen_, bytes_, status_));
    analyzers.push_back(std::make_unique<Gtube>());
    scan_ = std::make_unique<Scan>(ScanParts{.blobs = blobs_, .metrics = metrics_},
                                   std::move(analyzers), mail::mime::StructureLimits{}, 3);
    v1::Spamd settings;
    settings.set_listen("127.0.0.1:0");
    settings.set_tenant("everybody");
    door_ = std::make_unique<Door>(
        *ToDoorOptions(settings, {.version = "1", .host_name = "mx.example.net"}),
        DoorParts{*scan_, directory_, clock_, *log_, metrics_});
  }

  std::string Ask(std::string_view verb, std::string_view message, std::string_view user = "") {
    const auto request = door_->Begin(*net::IpAddress::Parse("127.0.0.1"));
    request->Take(base::Cat(verb, " SPAMC/1.5\r\nUser: ", user,
                            "\r\nContent-length: ", message.size(), "\r\n\r\n", message));
    return request->Answer();
  }

  const std::string mail_ =
      "Return-Path: <ann@sender.example>\n"
      "Received: from mail.sender.example (unknown [192.0.2.7])\n"
      "\tby mx.example.net (Postfix) with ESMTP id 4F1\n"
      "\tfor <bob@example.org>; Sun, 22 Nov 2026 10:00:00 +0000 (UTC)\n"
      "Subject: x\n\nHello\n";
  mail::v1::Message seen_;
  std::string bytes_;
  absl::Status status_;
  blob::FakeBlobStore blobs_;
  directory::Directory directory_;
  base::FakeClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<Scan> scan_;
  std::unique_ptr<Door> door_;
};

TEST_F(SpamdDoorTest, AMessageIsLookedAtAsSmtpWouldHaveBroughtIt) {
  EXPECT_NE(Ask("CHECK", mail_).find("Spam: False ; 0.0 / 5.0"), std::string::npos);
  EXPECT_NE(bytes_.find("Subject: x\r\n\r\nHello\r\n"), bytes_.npos);
  EXPECT_EQ(seen_.session().client_address(), "192.0.2.7");
  EXPECT_EQ(seen_.session().helo(), "mail.sender.example");
  EXPECT_EQ(seen_.envelope().sender(), "ann@sender.example");
  EXPECT_EQ(seen_.direction(), mail::v1::DIRECTION_INBOUND);
}

TEST_F(SpamdDoorTest, AReturnPathBelowTheServersOwnFieldIsNotBelieved) {
  (void)Ask("CHECK",
            "Received: from mail.sender.example (unknown [192.0.2.7]) by mx.example.net\n"
            "Return-Path: <boss@bank.example>\nSubject: x\n\nHello\n");
  EXPECT_EQ(seen_.envelope().sender(), "");
}

TEST_F(SpamdDoorTest, TheUserSaysWhoseMessageItIs) {
  (void)Ask("CHECK", mail_, "acme");
  EXPECT_EQ(seen_.tenant(), "acme");
  (void)Ask("CHECK", mail_, "bob@example.org");
  EXPECT_EQ(seen_.tenant(), "acme");
  EXPECT_EQ(seen_.envelope().recipients(0), "bob@example.org");
  for (const char* const nobody : {"", "nobody", "x@elsewhere.example", "tenants/acme"}) {
    (void)Ask("CHECK", mail_, nobody);
    EXPECT_EQ(seen_.tenant(), "everybody") << nobody;
  }
}

TEST_F(SpamdDoorTest, SpamIsFound) {
  const std::string answer =
      Ask("PROCESS", base::Cat("Subject: x\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*",
                               "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"));
  EXPECT_NE(answer.find("Spam: True ; 1000.0 / 5.0\r\n"), answer.npos) << answer;
  EXPECT_NE(answer.find("tests=GTUBE\n"), answer.npos);
}

TEST_F(SpamdDoorTest, WhileAnEngineIsAwayTheClientShallTryLater) {
  status_ = absl::UnavailableError("clamd");
  EXPECT_TRUE(Ask("CHECK", mail_).starts_with("SPAMD/1.1 75 EX_TEMPFAIL"));
}

TEST_F(SpamdDoorTest, T_B5_AMessageAnEngineFailsOnAgainAndAgainIsSaidToBeUnscanned) {
  status_ = absl::InternalError("broken");
  EXPECT_TRUE(Ask("SYMBOLS", mail_).starts_with("SPAMD/1.1 75"));
  EXPECT_TRUE(Ask("SYMBOLS", mail_).starts_with("SPAMD/1.1 75"));
  EXPECT_NE(Ask("SYMBOLS", mail_).find("COULD_NOT_SCAN"), std::string::npos);
}

TEST_F(SpamdDoorTest, AnswersPingSaysWhatItDoesNotOfferAndIsSilentOnSkip) {
  EXPECT_EQ(Ask("PING", ""), "SPAMD/1.5 0 PONG\r\n");
  EXPECT_EQ(Ask("SKIP", ""), "");
  EXPECT_TRUE(Ask("TELL", mail_).starts_with("SPAMD/1.1 69 EX_UNAVAILABLE: TELL is not offered"));
  EXPECT_TRUE(Ask("DANCE", mail_).starts_with("SPAMD/1.1 76 EX_PROTOCOL"));
}

TEST_F(SpamdDoorTest, OddMessagesAreAnsweredToo) {
  for (const std::string& odd : {std::string(), std::string("\n"), std::string("no header"),
                                 std::string("\0\xff\n\n", 4), std::string(5000, '\n')})
    EXPECT_TRUE(Ask("PROCESS", odd).starts_with("SPAMD/1.1 0 EX_OK"));
}

TEST_F(SpamdDoorTest, OnlyThoseNamedMayAsk) {
  EXPECT_EQ(door_->Begin(*net::IpAddress::Parse("192.0.2.1")), nullptr);
  EXPECT_NE(door_->Begin(net::IpAddress()), nullptr);  // by a path
}

TEST_F(SpamdDoorTest, WrongSettingsAreNamed) {
  v1::Spamd settings;
  EXPECT_FALSE(ToDoorOptions(settings, {}).ok());
  settings.set_listen("unix:/run/x");
  settings.add_clients("here");
  EXPECT_NE(ToDoorOptions(settings, {}).status().message().find("scanner.spamd.clients"),
            absl::string_view::npos);
  settings.set_mode("rw");
  EXPECT_FALSE(ToListenOptions(settings).ok());
  settings.set_mode("0666");
  EXPECT_EQ(ToListenOptions(settings)->unix_mode, 0666);
}

}  // namespace
}  // namespace cleanmail::scanner::spamd
