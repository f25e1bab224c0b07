#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/auth/dkim/signer.h"
#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::auth::dkim {
namespace {

constexpr std::string_view kHeader =
    "From: Joe <joe@example.org>\r\nTo: a@example.net\r\nSubject:  Two\r\n  lines\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n";
constexpr std::string_view kBody = "Hello,\r\n\r\nwe  meet \tat ten. \r\n\r\n\r\n";

class DkimTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const crypto::SigningKey> Key(crypto::KeyKind kind) {
    return *crypto::SigningKey::FromPem(*crypto::SigningKey::Generate(kind));
  }
  DkimTest() { Publish("s", *rsa_, "rsa"); }

  void Publish(std::string_view selector, const crypto::SigningKey& key, std::string_view kind,
               std::string_view more = "") {
    zone_.Text(
        base::Cat(selector, "._domainkey.example.org"),
        base::Cat("v=DKIM1; k=", kind, "; ", more, "p=", mime::EncodeBase64(key.PublicBytes())));
  }

  // A signed message; `edit` may change the value of the field before it is added, not the names.
  std::string SignedMessage(const crypto::SigningKey& key, std::string_view selector = "s",
                            std::string_view header_text = kHeader) {
    const std::string text = base::Cat(header_text, "\r\n");
    const auto block = *mime::HeaderBlock::Parse(text);
    BodyHash body(Canonical::kRelaxed);
    body.Add(kBody);
    body.Finish();
    const auto value = Sign(HeaderIndex(block), body.hash(),
                            {.domain = "example.org",
                             .selector = std::string(selector),
                             .key = key,
                             .now_seconds = 1000,
                             .lifetime_seconds = 500});
    EXPECT_TRUE(value.ok()) << value.status();
    return base::Cat("DKIM-Signature: ", *value, "\r\n", text, kBody);
  }

  // Signs by hand over From alone: for tags that the signer never writes.
  std::string HandSigned(std::string_view tags, std::string_view body = kBody,
                         std::optional<uint64_t> limit = std::nullopt) {
    const std::string text = base::Cat(kHeader, "\r\n");
    const auto block = *mime::HeaderBlock::Parse(text);
    const HeaderIndex index(block);
    BodyHash hash(Canonical::kRelaxed, limit);
    hash.Add(body);
    hash.Finish();
    const std::vector<std::string> names = {"from", "subject"};
    std::string value =
        base::Cat("v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s; ", tags,
                  "h=from:subject; bh=", mime::EncodeBase64(hash.hash()), "; b=");
    const auto done = Completed("DKIM-Signature", std::move(value),
                                index.Signed(Canonical::kRelaxed, names), *rsa_);
    return base::Cat("DKIM-Signature: ", *done, "\r\n", text, body);
  }

  std::vector<Verdict> Verify(const std::string& message, int64_t now = 1200) {
    const auto block = *mime::HeaderBlock::Parse(message);
    const HeaderIndex index(block);
    BodyHashes body;
    const Verifier verifier(index, body, {.now_seconds = now});
    // In awkward pieces.
    for (size_t at = block.body_offset(); at < message.size(); at += 3)
      body.Add(std::string_view(message).substr(at, 3));
    body.Finish();
    return zone_.Run([&](Lookups& lookups) { return verifier.Verdicts(lookups); });
  }
  Verdict VerifyOne(const std::string& message, int64_t now = 1200) {
    const auto verdicts = Verify(message, now);
    EXPECT_EQ(verdicts.size(), 1u);
    return verdicts.empty() ? Verdict{} : verdicts.front();
  }

  static std::string Replaced(std::string text, std::string_view from, std::string_view to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return at == text.npos ? text : text.replace(at, from.size(), to);
  }

  // Made once: finding primes takes a third of a second.
  static const std::shared_ptr<const crypto::SigningKey>& Rsa() {
    static const auto key = Key(crypto::KeyKind::kRsa);
    return key;
  }

  const std::shared_ptr<const crypto::SigningKey> rsa_ = Rsa();
  FakeZone zone_;
};

TEST_F(DkimTest, WhatWeSignVerifies) {
  const auto ed25519 = Key(crypto::KeyKind::kEd25519);
  Publish("e", *ed25519, "ed25519");
  for (const auto& message : {SignedMessage(*rsa_), SignedMessage(*ed25519, "e")}) {
    const Verdict verdict = VerifyOne(message);
    EXPECT_EQ(verdict.result, Result::kPass) << verdict.reason;
    EXPECT_TRUE(verdict.counts_for_alignment());
    EXPECT_EQ(verdict.field.identity, "@example.org");
    EXPECT_EQ(verdict.field.signature_start.size(), 8u);
  }
}

TEST_F(DkimTest, RelaxedFormsForgiveWhiteSpaceAndLineEnds) {
  const std::string message = SignedMessage(*rsa_);
  EXPECT_EQ(VerifyOne(Replaced(message, "Subject:  Two\r\n  lines", "SUBJECT:Two lines")).result,
            Result::kPass);
  EXPECT_EQ(VerifyOne(Replaced(message, "we  meet \tat ten. ", "we meet at ten.")).result,
            Result::kPass);
  EXPECT_EQ(VerifyOne(message + "\r\n \r\n").result, Result::kPass);
}

TEST_F(DkimTest, AnyChangeThatShowsIsAFailure) {
  const std::string message = SignedMessage(*rsa_);
  const Verdict body = VerifyOne(Replaced(message, "at ten", "at two"));
  EXPECT_EQ(body.result, Result::kFail);
  EXPECT_EQ(body.reason, "the body was changed");
  EXPECT_EQ(VerifyOne(Replaced(message, "Two", "Three")).result, Result::kFail);
  EXPECT_EQ(VerifyOne(Replaced(message, "x=1500", "x=9500")).result, Result::kFail);
}

TEST_F(DkimTest, T_C2_AFieldAddedAfterwardsBreaksOurSignature) {
  const std::string message = SignedMessage(*rsa_);
  for (const char* added :
       {"From: evil@example.com\r\n", "Subject: Other\r\n", "Cc: x@example.com\r\n",
        "Reply-To: x@example.com\r\n", "Content-Type: text/html\r\n"})
    EXPECT_EQ(VerifyOne(added + message).result, Result::kFail) << added;
  EXPECT_EQ(VerifyOne("Received: from x\r\n" + message).result, Result::kPass);
}

TEST_F(DkimTest, T_C2_ASecondFromBesideASignedOneNeverAligns) {
  const Verdict plain = VerifyOne(HandSigned(""));
  EXPECT_TRUE(plain.counts_for_alignment()) << plain.reason;
  const Verdict doubled = VerifyOne("From: evil@example.com\r\n" + HandSigned(""));
  EXPECT_EQ(doubled.result, Result::kPass);
  EXPECT_FALSE(doubled.counts_for_alignment());
  EXPECT_EQ(doubled.unsigned_copies, std::vector<std::string>{"from"});
}

TEST_F(DkimTest, T_C1_ALengthNeverAligns) {
  const std::string body = "signed\r\n";
  const std::string message = HandSigned("l=8; ", body, 8);
  EXPECT_EQ(VerifyOne(message).result, Result::kPass);
  EXPECT_FALSE(VerifyOne(message).counts_for_alignment());
  const Verdict added = VerifyOne(message + "added\r\n");
  EXPECT_EQ(added.result, Result::kPass);
  EXPECT_FALSE(added.counts_for_alignment());
  EXPECT_EQ(VerifyOne(HandSigned("l=9; ", body, 9)).reason, "l= is longer than the body");
}

TEST_F(DkimTest, ExpiredSignaturesAndOldAlgorithmsArePolicy) {
  EXPECT_EQ(VerifyOne(SignedMessage(*rsa_), 1501).result, Result::kPolicy);
  const Verdict sha1 = VerifyOne(Replaced(SignedMessage(*rsa_), "rsa-sha256", "rsa-sha1"));
  EXPECT_EQ(sha1.result, Result::kPolicy);
  EXPECT_EQ(sha1.reason, "rsa-sha1 is not accepted");
}

TEST_F(DkimTest, KeysSayWhatTheyAreFor) {
  const std::pair<const char*, Result> rows[] = {{"h=sha1; ", Result::kPermerror},
                                                 {"h=sha1:sha256; ", Result::kPass},
                                                 {"s=tlsrpt; ", Result::kPermerror},
                                                 {"s=tlsrpt:email; ", Result::kPass},
                                                 {"t=s; ", Result::kPass}};
  int number = 0;
  for (const auto& [tags, expected] : rows) {
    const std::string selector = base::Cat("k", ++number);
    Publish(selector, *rsa_, "rsa", tags);
    EXPECT_EQ(VerifyOne(SignedMessage(*rsa_, selector)).result, expected) << tags;
  }
}

TEST_F(DkimTest, AMissingRevokedOrUnreachableKeyIsSaid) {
  zone_.Text("revoked._domainkey.example.org", "v=DKIM1; p=")
      .Trouble("away._domainkey.example.org");
  EXPECT_EQ(VerifyOne(SignedMessage(*rsa_, "none")).result, Result::kPermerror);
  EXPECT_EQ(VerifyOne(SignedMessage(*rsa_, "revoked")).reason, "the key was revoked");
  EXPECT_EQ(VerifyOne(SignedMessage(*rsa_, "away")).result, Result::kTemperror);
}

TEST_F(DkimTest, ManySignaturesAreJudgedUpToABound) {
  std::string message = SignedMessage(*rsa_);
  const std::string field = message.substr(0, message.find("From:"));
  for (int i = 0; i < 100; ++i) message.insert(0, field);
  EXPECT_EQ(Verify(message).size(), kMaxSignatures);
}

TEST(Signature, WhatBreaksAMustIsRefused) {
  const std::string good =
      "v=1; a=rsa-sha256; d=example.org; s=s; h=From : To; bh=YWJj; b=YW\r\n Jj; t=1; x=2; l=5";
  const auto field = ParseSignature(good, Flavour::kDkim);
  ASSERT_TRUE(field.ok()) << field.status();
  EXPECT_EQ(field->signature, "abc");
  EXPECT_EQ(field->names, (std::vector<std::string>{"from", "to"}));
  EXPECT_EQ(field->header_form, Canonical::kSimple);
  for (const char* bad :
       {"", ";", "v=1", "v=2; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj",
        "v=1; a=rsa-md5; d=example.org; s=s; h=From; bh=YWJj; b=YWJj",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=To; bh=YWJj; b=YWJj",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=Y*Jj",
        "v=1; a=rsa-sha256; d=example.org; d=example.com; s=s; h=From; bh=YWJj; b=YWJj",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj; i=a@example.com",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj; i=a@badexample.org",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj; t=3; x=2",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj; l=-1",
        "v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=YWJj; b=YWJj; q=http"})
    EXPECT_FALSE(ParseSignature(bad, Flavour::kDkim).ok()) << bad;
}

TEST(Signature, OnlyItsOwnDigitsAreTakenOut) {
  EXPECT_EQ(WithoutSignature("DKIM-Signature: a=1; b= ab\r\n cd ; bh=xyz=\r\n"),
            "DKIM-Signature: a=1; b=; bh=xyz=\r\n");
  EXPECT_EQ(WithoutSignature("DKIM-Signature: bh=b=; b=ab\r\n cd\r\n"),
            "DKIM-Signature: bh=b=; b=\r\n");
}

TEST(Canonical, EmptyBodiesAndMissingLineEnds) {  // RFC 6376 §3.4.3, §3.4.4
  const auto hash = [](Canonical form, std::string_view text) {
    BodyHash body(form);
    body.Add(text);
    body.Finish();
    return body.hash();
  };
  const std::string line_end = crypto::Sha256("\r\n");
  EXPECT_EQ(hash(Canonical::kSimple, ""), line_end);
  EXPECT_EQ(hash(Canonical::kSimple, "\r\n\r\n"), line_end);
  EXPECT_EQ(hash(Canonical::kRelaxed, ""), crypto::Sha256(""));
  EXPECT_EQ(hash(Canonical::kRelaxed, " \t\r\n\r\n"), crypto::Sha256(""));
  EXPECT_EQ(hash(Canonical::kSimple, "a"), crypto::Sha256("a\r\n"));
  EXPECT_EQ(hash(Canonical::kSimple, "a\n\n b \r"), crypto::Sha256("a\r\n\r\n b \r\r\n"));
  EXPECT_EQ(hash(Canonical::kRelaxed, "  a \t b\r\n\t c"), crypto::Sha256(" a b\r\n c\r\n"));
}

}  // namespace
}  // namespace cleanmail::mail::auth::dkim
