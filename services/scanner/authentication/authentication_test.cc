#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/crypto/signature.h"
#include "libs/directory/directory.h"
#include "libs/dns/fake_resolver.h"
#include "libs/mail/auth/dkim/signer.h"
#include "libs/mail/mime/encodings.h"
#include "services/scanner/authentication/authenticator.h"
#include "services/scanner/authentication/relays.h"
#include "services/scanner/authentication/results.h"

namespace cleanmail::scanner {
namespace {

using ::testing::HasSubstr;
namespace auth = mail::auth;

net::PrefixSet Networks(const std::string& network) {
  return *net::PrefixSet::Parse(std::vector<std::string>{network});
}

std::function<bool(const net::IpAddress&)> In(const std::string& network) {
  return [networks = Networks(network)](const net::IpAddress& client) {
    return networks.Contains(client);
  };
}

class AuthenticationTest : public ::testing::Test {
 protected:
  // What is found out about a message that came from 192.0.2.1.
  SenderAuthentication Find(const std::string& header, Authenticator::Options options = {}) {
    header_text_ = header + "\r\n";
    const auto block = *mail::mime::HeaderBlock::Parse(header_text_);
    return Authenticator(resolver_, clock_, std::move(options))
        .Authenticate(message_, block, "hello\r\n");
  }
  // A DKIM-Signature of `domain` over a header and that body; its key is published.
  std::string SignatureOf(const std::string& domain, const std::string& header) {
    const std::string text = header + "\r\n";
    const auto block = *mail::mime::HeaderBlock::Parse(text);
    auth::dkim::BodyHash body(auth::dkim::Canonical::kRelaxed);
    body.Add("hello\r\n");
    body.Finish();
    const auto key =
        *crypto::SigningKey::FromPem(*crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
    resolver_.SetTxt("s._domainkey." + domain,
                     {"v=DKIM1; k=ed25519; p=" + mail::mime::EncodeBase64(key->PublicBytes())});
    return "DKIM-Signature: " +
           *auth::dkim::Sign(auth::dkim::HeaderIndex(block), body.hash(),
                             {.domain = domain, .selector = "s", .key = *key}) +
           "\r\n";
  }
  void SetUp() override {
    message_.set_direction(mail::v1::DIRECTION_INBOUND);
    message_.mutable_session()->set_client_address("192.0.2.1");
    message_.mutable_session()->set_helo("mta.example");
    message_.mutable_envelope()->set_sender("a@sender.example");
  }

  dns::FakeResolver resolver_;
  base::FakeClock clock_;
  mail::v1::Message message_;
  std::string header_text_;
};

constexpr char kHeader[] = "From: Ann <ann@sender.example>\r\nSubject: x\r\n";

TEST_F(AuthenticationTest, SpfSignatureAndPolicyAreFoundTogether) {
  resolver_.SetTxt("sender.example", {"v=spf1 ip4:192.0.2.1 -all"});
  resolver_.SetTxt("_dmarc.sender.example", {"v=DMARC1; p=reject"});
  const auto found = Find(SignatureOf("sender.example", kHeader) + kHeader);
  ASSERT_TRUE(found.spf.has_value());
  EXPECT_EQ(found.spf->result, auth::spf::Result::kPass);
  ASSERT_EQ(found.dkim.size(), 1u);
  EXPECT_TRUE(found.dkim[0].counts_for_alignment()) << found.dkim[0].reason;
  ASSERT_TRUE(found.dmarc.has_value());
  EXPECT_EQ(found.dmarc->result, auth::dmarc::Result::kPass);
  EXPECT_TRUE(found.VouchedFor("sender.example"));
  EXPECT_FALSE(found.VouchedFor("other.example"));
  mail::v1::MessageFacts facts;
  AddResults(found, "mx.example.org", facts);
  EXPECT_EQ(facts.authentication_size(), 3);
  EXPECT_THAT(facts.authentication_results(), HasSubstr("mx.example.org;\r\n\tspf=pass"));
  EXPECT_THAT(facts.authentication_results(), HasSubstr("dmarc=pass"));
}

TEST_F(AuthenticationTest, WhatIngressWasToldIsNotAskedAgain) {
  message_.mutable_spf()->set_result("softfail");
  message_.mutable_spf()->set_domain("sender.example");
  const auto found = Find(kHeader);
  EXPECT_EQ(found.spf->result, auth::spf::Result::kSoftfail);
  for (const dns::Question& question : resolver_.asked())
    EXPECT_NE(question.name, "sender.example");
}

TEST_F(AuthenticationTest, AForgedAuthorFailsByTheWishOfItsOwner) {
  resolver_.SetTxt("_dmarc.sender.example", {"v=DMARC1; p=reject"});
  const auto found = Find(kHeader);
  EXPECT_EQ(found.dmarc->result, auth::dmarc::Result::kFail);
  EXPECT_EQ(found.dmarc->applies, auth::dmarc::Policy::kReject);
}

TEST_F(AuthenticationTest, T_C2_OfSeveralAuthorsNoneIsJudged) {
  const auto found = Find("From: a@one.example\r\nFrom: b@two.example\r\n");
  EXPECT_FALSE(found.dmarc.has_value());
  EXPECT_FALSE(found.author.readable);
}

TEST_F(AuthenticationTest, BehindATrustedRelayTheClientBeforeItIsJudged) {
  resolver_.SetTxt("sender.example", {"v=spf1 ip4:198.51.100.7 -all"});
  const auto found = Find(
      "Received: from relay (relay [192.0.2.1]) by us\r\n"
      "Received: from out.sender.example (unknown [198.51.100.7])\r\n by relay; now\r\n" +
          std::string(kHeader),
      {.trusted_relays = Networks("192.0.2.0/24")});
  EXPECT_EQ(found.client, "198.51.100.7");
  EXPECT_EQ(found.spf->result, auth::spf::Result::kPass);
}

TEST_F(AuthenticationTest, BehindItsDomainsRelayTheClientBeforeItIsJudged) {
  resolver_.SetTxt("sender.example", {"v=spf1 ip4:198.51.100.7 -all"});
  directory::Directory directory;
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/acme/domains/behind.example");
  change.mutable_domain()->add_trusted_relays("192.0.2.0/24");
  directory.Apply(change);
  const std::string mail = base::Cat(
      "Received: from relay (relay [192.0.2.1]) by us\r\n"
      "Received: from out.sender.example (unknown [198.51.100.7])\r\n by relay; now\r\n",
      kHeader);
  message_.mutable_envelope()->add_recipients("ann@Behind.example");
  EXPECT_EQ(Find(mail, {.directory = &directory}).client, "198.51.100.7");
  message_.mutable_envelope()->add_recipients("bob@other.example");
  EXPECT_EQ(Find(mail, {.directory = &directory}).client, "192.0.2.1")
      << "whom not all believe speaks for himself";
}

TEST_F(AuthenticationTest, T_C6_ADnsThatHangsCostsTheDeadlineOnce) {
  resolver_.Hang("");
  const absl::Time began = absl::Now();
  const auto found =
      Find(SignatureOf("sender.example", kHeader) + kHeader, {.deadline = absl::Milliseconds(200)});
  EXPECT_LT(absl::Now() - began, absl::Seconds(2));
  EXPECT_EQ(found.spf->result, auth::spf::Result::kTemperror);
  EXPECT_EQ(found.dkim[0].result, auth::dkim::Result::kTemperror);
  EXPECT_EQ(found.dmarc->result, auth::dmarc::Result::kTemperror);
}

TEST(Relays, ALineThatCannotBeReadEndsTheSearchWithoutAClient) {
  const std::string text =
      "Received: from us by us\r\nReceived: (qmail 1 invoked by alias)\r\n"
      "Received: from x ([198.51.100.9]) by y\r\n\r\n";
  const auto header = *mail::mime::HeaderBlock::Parse(text);
  EXPECT_EQ(FindHandover("192.0.2.1", "h", header, In("192.0.2.0/24")).client, "");
  EXPECT_EQ(FindHandover("192.0.2.1", "h", header, In("203.0.113.0/24")).client, "192.0.2.1");
}

TEST(Relays, AnAddressTheClientCallsItselfIsNotTheOneItHas) {
  const std::string text =
      "Received: from us by us\r\n"
      "Received: from [203.0.113.5] (helo=[203.0.113.5] [IPv6:2001:db8::7]) by y\r\n\r\n";
  const auto header = *mail::mime::HeaderBlock::Parse(text);
  EXPECT_EQ(FindHandover("192.0.2.1", "h", header, In("192.0.2.0/24")).client, "2001:db8::7");
}

}  // namespace
}  // namespace cleanmail::scanner
