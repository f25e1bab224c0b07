#include "services/egress/delivery/sealer.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/results/describe.h"
#include "libs/mail/mime/encodings.h"
#include "services/egress/delivery/changes.h"

namespace cleanmail::egress {
namespace {

using mail::auth::arc::Status;
using mail::auth::arc::Verdict;
using ::testing::HasSubstr;

constexpr char kKeyName[] = "arc._domainkey.gateway.example";
constexpr char kPlain[] =
    "Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: Joe <joe@example.org>\r\n"
    "To: ann@example.net\r\nSubject: A letter\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <1@example.org>\r\n\r\nHello  there.\r\n\r\n";

class SealerTest : public ::testing::Test {
 protected:
  SealerTest() {
    const std::string pem = *crypto::SigningKey::Generate(crypto::KeyKind::kRsa);
    const auto key = *crypto::SigningKey::FromPem(pem);
    record_ = base::Cat("v=DKIM1; k=rsa; p=", mail::mime::EncodeBase64(key->PublicBytes()));
    zone_.Text(kKeyName, record_);
    key_file_ = Write("arc.pem", pem);
  }

  static std::string Write(const std::string& name, const std::string& text) {
    const std::string path = base::Cat(std::getenv("TEST_TMPDIR"), "/", name);
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  }
  v1::Arc Settings() const {
    v1::Arc settings;
    settings.set_domain("Gateway.example");
    settings.set_selector("arc");
    settings.set_key_file(key_file_);
    return settings;
  }
  Verdict Check(const std::string& message) const {
    const auto block = *mail::mime::HeaderBlock::Parse(message);
    const mail::auth::dkim::HeaderIndex index(block);
    mail::auth::dkim::BodyHashes body;
    const mail::auth::arc::Verifier verifier(index, body);
    body.Add(std::string_view(message).substr(block.body_offset()));
    body.Finish();
    return zone_.Run([&](mail::auth::Lookups& lookups) { return verifier.Check(lookups); });
  }
  // What the scanner would say of the message.
  std::string ResultsOf(const std::string& message) const {
    mail::auth::results::AuthenticationResults field{
        .authserv_id = "gateway.example",
        .results = {{.method = "spf", .result = "pass", .comment = "p=\"x\""}}};
    const Verdict verdict = Check(message);
    if (verdict.status != Status::kNone)
      field.results.push_back(mail::auth::results::Describe(verdict, "192.0.2.1"));
    return mail::auth::results::ToFieldValue(field);
  }
  absl::StatusOr<std::string> Seal(const std::string& message, const std::string& results) const {
    return (*Sealer::Create(Settings(), clock_))->Seal(message, results);
  }
  // The message changed on the way, as the courier does it.
  std::string Hop(const std::string& message, std::vector<mail::v1::Action> actions = {}) const {
    actions.emplace_back().set_authentication_results(ResultsOf(message));
    const auto changed = mail::mime::Rewrite(message, ChangesOf(actions)).message;
    const auto sealed = Seal(changed, std::string(ResultsIn(actions)));
    EXPECT_TRUE(sealed.ok()) << sealed.status();
    return sealed.ok() ? *sealed : changed;
  }
  // What dkimpy, which shares no line with us, makes of it.
  std::string Dkimpy(const std::string& message) const {
    const std::string mail = Write("mail", message);
    const std::string command = base::Cat("/usr/bin/python3 services/egress/delivery/arcverify.py ",
                                          kKeyName, " '", record_, "' < ", mail, " 2>&1");
    FILE* const pipe = popen(command.c_str(), "r");
    char line[2000];
    std::string output;
    while (fgets(line, sizeof line, pipe) != nullptr) output += line;
    pclose(pipe);
    return output;
  }

  base::FakeClock clock_;
  mail::auth::FakeZone zone_;
  std::string record_;
  std::string key_file_;
};

TEST_F(SealerTest, AChangedMessageIsSealedAndBothVerifiersBelieveIt) {
  std::vector<mail::v1::Action> actions(2);
  actions[0].set_tag_subject("[PUB]");
  actions[1].mutable_banner()->set_text("From outside.");
  const std::string sealed = Hop(kPlain, actions);
  EXPECT_THAT(sealed, HasSubstr("ARC-Seal: i=1; a=rsa-sha256; cv=none;"));
  EXPECT_THAT(sealed, HasSubstr("d=gateway.example; s=arc;"));
  EXPECT_THAT(sealed, HasSubstr("ARC-Authentication-Results: i=1; gateway.example;"));
  const Verdict verdict = Check(sealed);
  EXPECT_EQ(verdict.status, Status::kPass) << verdict.reason;
  EXPECT_THAT(Dkimpy(sealed), HasSubstr("cv=pass sets=1"));
}

TEST_F(SealerTest, ASealedMessageGetsTheNextInstance) {
  std::vector<mail::v1::Action> banner(1);
  banner[0].mutable_banner()->set_text("From outside.");
  const std::string twice = Hop(Hop(kPlain), banner);
  EXPECT_THAT(twice, HasSubstr("ARC-Seal: i=2; a=rsa-sha256; cv=pass;"));
  EXPECT_EQ(Check(twice).status, Status::kPass);
  EXPECT_EQ(Check(twice).oldest_pass, 2);
  EXPECT_THAT(Dkimpy(twice), HasSubstr("cv=pass sets=2"));
}

TEST_F(SealerTest, T_C3_AFailedChainIsMarkedOnceAndNotContinued) {
  const std::string broken = Hop(kPlain) + "added on the way\r\n";
  const std::string marked = Hop(broken);
  EXPECT_THAT(marked, HasSubstr("ARC-Seal: i=2; a=rsa-sha256; cv=fail;"));
  EXPECT_EQ(Check(marked).status, Status::kFail);
  EXPECT_THAT(Dkimpy(marked), HasSubstr("the chain is terminated"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Seal(marked, ResultsOf(marked)).status()));
}

TEST_F(SealerTest, TheLongestChainIsNotMadeLonger) {
  std::string message = kPlain;
  for (int i = 1; i <= 50; ++i)
    message = base::Cat("ARC-Seal: i=", i, "\r\nARC-Message-Signature: i=", i,
                        "\r\nARC-Authentication-Results: i=", i, "; x; none\r\n", message);
  EXPECT_TRUE(absl::IsFailedPrecondition(Seal(message, ResultsOf(message)).status()));
}

TEST_F(SealerTest, WhatNobodyHasCheckedIsNotSealed) {
  const std::string sealed = Hop(kPlain);
  EXPECT_FALSE(Seal(sealed, "gateway.example; spf=pass").ok());  // says nothing of the chain
  EXPECT_FALSE(Seal(kPlain, "").ok());
  EXPECT_TRUE(Seal(kPlain, "gateway.example; none").ok());
  zone_ = mail::auth::FakeZone().Trouble(kKeyName);  // no answer about a key is no failed chain
  EXPECT_FALSE(Seal(sealed, ResultsOf(sealed)).ok());
}

TEST_F(SealerTest, WrongSettingsAreNamedWithWhatWouldBeRight) {
  const auto refusal = [&](const v1::Arc& settings) {
    return std::string(Sealer::Create(settings, clock_).status().message());
  };
  v1::Arc settings = Settings();
  settings.clear_selector();
  EXPECT_THAT(refusal(settings), HasSubstr("egress.arc.selector: needed"));
  settings = Settings();
  settings.set_domain("not a domain");
  EXPECT_THAT(refusal(settings), HasSubstr("egress.arc.domain"));
  settings = Settings();
  settings.set_key_file("/nowhere/arc.pem");
  EXPECT_THAT(refusal(settings), HasSubstr("No such file"));
  settings.set_key_file(Write("text.pem", "not a key"));
  EXPECT_THAT(refusal(settings), HasSubstr("not a private key"));
  settings.set_key_file(Write("ed.pem", *crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  EXPECT_THAT(refusal(settings), HasSubstr("RSA key of at least 2048 bits"));
  std::filesystem::permissions(key_file_, std::filesystem::perms(0644));
  EXPECT_THAT(refusal(Settings()), HasSubstr("may be read by others"));
}

}  // namespace
}  // namespace cleanmail::egress
