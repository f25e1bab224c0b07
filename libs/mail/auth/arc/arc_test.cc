#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/auth/arc/sealer.h"
#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::auth::arc {
namespace {

class ArcTest : public ::testing::Test {
 protected:
  ArcTest() {
    zone_.Text("s._domainkey.relay.example",
               base::Cat("v=DKIM1; k=ed25519; p=", mime::EncodeBase64(key_->PublicBytes())));
  }

  Verdict Check(const std::string& message) const {
    const auto block = *mime::HeaderBlock::Parse(message);
    const dkim::HeaderIndex index(block);
    dkim::BodyHashes body;
    const Verifier verifier(index, body);
    body.Add(std::string_view(message).substr(block.body_offset()));
    body.Finish();
    return zone_.Run([&](Lookups& lookups) { return verifier.Check(lookups); });
  }

  // The message with one more set; `arrived` as it is, or as the test says.
  std::string Sealed(const std::string& message, const Verdict& arrived) const {
    const auto block = *mime::HeaderBlock::Parse(message);
    dkim::BodyHash body(dkim::Canonical::kRelaxed);
    body.Add(std::string_view(message).substr(block.body_offset()));
    body.Finish();
    const results::AuthenticationResults found{.authserv_id = "mx.relay.example",
                                               .results = {{.method = "spf", .result = "pass"}}};
    const auto set =
        MakeSet(dkim::HeaderIndex(block), body.hash(), arrived, found,
                {.domain = "relay.example", .selector = "s", .key = *key_, .now_seconds = 7});
    EXPECT_TRUE(set.ok()) << set.status();
    if (!set.ok()) return message;
    return base::Cat("ARC-Seal: ", set->seal, "\r\nARC-Message-Signature: ", set->message,
                     "\r\nARC-Authentication-Results: ", set->results, "\r\n", message);
  }
  std::string Sealed(const std::string& message) const { return Sealed(message, Check(message)); }

  static std::string Replaced(std::string text, std::string_view from, std::string_view to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return at == text.npos ? text : text.replace(at, from.size(), to);
  }

  const std::string plain_ = "From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n";
  const std::shared_ptr<const crypto::SigningKey> key_ =
      *crypto::SigningKey::FromPem(*crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  FakeZone zone_;
};

TEST_F(ArcTest, WhatWeSealPassesThroughSeveralHands) {
  EXPECT_EQ(Check(plain_).status, Status::kNone);
  std::string message = plain_;
  for (int hop = 1; hop <= 3; ++hop) {
    message = Sealed("Received: hop\r\n" + message);
    const Verdict verdict = Check(message);
    EXPECT_EQ(verdict.status, Status::kPass) << verdict.reason;
    ASSERT_EQ(verdict.links.size(), static_cast<size_t>(hop));
    EXPECT_EQ(verdict.links.front().domain, "relay.example");
    ASSERT_TRUE(verdict.links.back().results.has_value());
    EXPECT_EQ(verdict.links.back().results->authserv_id, "mx.relay.example");
    EXPECT_EQ(verdict.oldest_pass, 0);
  }
}

TEST_F(ArcTest, AChangedBodyBreaksTheNewestSignatureUntilSealedAnew) {
  const std::string once = Sealed(plain_);
  const Verdict before = Check(once);
  const std::string changed = once + "footer\r\n";
  EXPECT_EQ(Check(changed).reason, "the body was changed");
  const Verdict after = Check(Sealed(changed, before));
  EXPECT_EQ(after.status, Status::kPass) << after.reason;
  EXPECT_EQ(after.oldest_pass, 2);
}

TEST_F(ArcTest, T_C3_ATamperedOrRearrangedChainFails) {
  const std::string twice = Sealed(Sealed(plain_));
  EXPECT_EQ(Check(twice).status, Status::kPass);
  for (const auto& [from, to] : {std::pair{"spf=pass", "spf=fail"},
                                 {"cv=pass", "cv=none"},
                                 {"i=2; a=", "i=3; a="},
                                 {"Subject: x", "Subject: y"},
                                 {"t=7", "t=8"},
                                 {"\r\nARC-Seal: i=1", "\r\nX-Seal: i=1"}})
    EXPECT_EQ(Check(Replaced(twice, from, to)).status, Status::kFail) << from;
  // The outer set taken off leaves a chain that is sound in itself; a set repeated does not.
  EXPECT_EQ(Check(twice.substr(0, twice.find("From:")) + twice).status, Status::kFail);
}

TEST_F(ArcTest, AFailedChainIsMarkedOnceAndNeverSealedAgain) {
  const std::string broken = Sealed(plain_) + "footer\r\n";
  const Verdict failed = Check(broken);
  ASSERT_EQ(failed.status, Status::kFail);
  EXPECT_TRUE(failed.may_be_sealed);
  const std::string marked = Sealed(broken, failed);
  EXPECT_NE(marked.find("cv=fail"), marked.npos);
  const Verdict after = Check(marked);
  EXPECT_EQ(after.status, Status::kFail);
  EXPECT_FALSE(after.may_be_sealed);
}

TEST_F(ArcTest, AKeyWithoutAnAnswerIsATemporaryFailure) {
  const std::string message = Sealed(plain_);
  zone_ = FakeZone().Trouble("s._domainkey.relay.example");
  const Verdict verdict = Check(message);
  EXPECT_EQ(verdict.status, Status::kFail);
  EXPECT_TRUE(verdict.temporary);
}

TEST_F(ArcTest, T_C3_MoreThanFiftySetsAreRefusedWithoutLookingAtThem) {
  std::string message = plain_;
  for (int i = 60; i >= 1; --i)
    message = base::Cat("ARC-Seal: i=", i, "\r\nARC-Message-Signature: i=", i,
                        "\r\nARC-Authentication-Results: i=", i, "; x; none\r\n", message);
  const Verdict verdict = Check(message);
  EXPECT_EQ(verdict.status, Status::kFail);
  EXPECT_FALSE(verdict.may_be_sealed);
}

}  // namespace
}  // namespace cleanmail::mail::auth::arc
