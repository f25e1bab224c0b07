#include "services/scanner/analyzers/impersonation/impersonation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/store/kv/memory_kv_store.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace auth = mail::auth;

// A store that is away.
class AwayKv final : public kv::KvStore {
 public:
  absl::StatusOr<std::string> Get(std::string_view) override { return Away(); }
  absl::Status Set(std::string_view, std::string_view, absl::Duration) override { return Away(); }
  absl::Status Delete(std::string_view) override { return Away(); }
  absl::StatusOr<int64_t> Add(std::string_view, int64_t, absl::Duration) override { return Away(); }

 private:
  static absl::Status Away() { return absl::UnavailableError("away"); }
};

class ImpersonationTest : public ::testing::Test {
 protected:
  ImpersonationTest() {
    tenant_.set_name("tenants/acme");
    tenant_.mutable_impersonation()->set_enabled(true);
    provisioning::v1::ProtectedPerson& hanna =
        *tenant_.mutable_impersonation()->add_protected_people();
    hanna.set_name("Hanna Muster");
    hanna.add_addresses("hanna@home.example");
    tenant_.mutable_impersonation()->add_extra_domains("acmebank-friends.com");
    Tell();
    provisioning::v1::DirectoryChanged domain;
    domain.set_name("tenants/acme/domains/acmebank.com");
    domain.mutable_domain()->set_name(domain.name());
    directory_.Apply(domain);
    directory_.Complete();
    envelope_.set_id("m1");
    envelope_.set_tenant("acme");
    envelope_.set_direction(mail::v1::DIRECTION_INBOUND);
    envelope_.mutable_envelope()->add_recipients("ann@acmebank.com");
  }
  void Tell() {
    provisioning::v1::DirectoryChanged change;
    change.set_name("tenants/acme");
    *change.mutable_tenant() = tenant_;
    directory_.Apply(change);
  }
  // Findings but FIRST_TIME_SENDER, which has tests of its own.
  std::vector<std::string> Names(const std::string& header) {
    std::vector<std::string> names = All(header);
    std::erase(names, "FIRST_TIME_SENDER");
    return names;
  }
  std::vector<std::string> All(const std::string& header) {
    const std::string mail = header + "\r\n\r\nHello\r\n";
    ParsedMessage message(mail);
    message.envelope = &envelope_;
    if (authenticated_) message.authentication = &found_;
    std::vector<std::string> names;
    const Findings findings = *impersonation_.Analyze(message);
    for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
    return names;
  }

  base::FakeClock clock_;
  std::unique_ptr<kv::KvStore> kv_ = kv::MakeMemoryKvStore(clock_, 1000);
  directory::Directory directory_;
  provisioning::v1::Tenant tenant_;
  mail::v1::Message envelope_;
  SenderAuthentication found_;
  bool authenticated_ = true;
  Impersonation impersonation_{directory_, *kv_};
};

TEST_F(ImpersonationTest, E4_AProtectedNameFromOutsideIsFound) {
  EXPECT_THAT(Names("From: Hanna Muster <ceo.office@mail.example>"), ElementsAre("PROTECTED_NAME"));
  EXPECT_THAT(Names("From: \"Muster, H\u200banna\" <x@mail.example>"),
              ElementsAre("PROTECTED_NAME"));
  EXPECT_THAT(Names("From: hanna.muster@mail.example"), ElementsAre("PROTECTED_NAME"));
  EXPECT_THAT(Names("From: Peter Muster <peter@mail.example>"), IsEmpty());
}

TEST_F(ImpersonationTest, E4_HisOwnAddressIsNoneUnlessForged) {
  found_.spf = auth::spf::Verdict{.result = auth::spf::Result::kPass, .domain = "home.example"};
  EXPECT_THAT(Names("From: Hanna Muster <Hanna@home.example>"), IsEmpty());
  found_.spf->domain = "evil.example";
  EXPECT_THAT(Names("From: Hanna Muster <Hanna@home.example>"), ElementsAre("PROTECTED_NAME"));
}

TEST_F(ImpersonationTest, E4_TheOwnDomainMustBeProven) {
  EXPECT_THAT(Names("From: Hanna Muster <hanna@acmebank.com>"), ElementsAre("OWN_DOMAIN_FORGED"));
  EXPECT_THAT(Names("From: x@sub.acmebank.com"), ElementsAre("OWN_DOMAIN_FORGED"));
  found_.spf = auth::spf::Verdict{.result = auth::spf::Result::kPass, .domain = "acmebank.com"};
  EXPECT_THAT(Names("From: Hanna Muster <hanna@acmebank.com>"), IsEmpty());
}

TEST_F(ImpersonationTest, WhatIsNotKnownIsNotHeldAgainstTheSender) {
  found_.spf =
      auth::spf::Verdict{.result = auth::spf::Result::kTemperror, .domain = "acmebank.com"};
  EXPECT_THAT(Names("From: x@acmebank.com"), IsEmpty());
  authenticated_ = false;
  EXPECT_THAT(Names("From: x@acmebank.com"), IsEmpty());
}

TEST_F(ImpersonationTest, E4_LookAlikesOfTheOwnDomainAreFound) {
  EXPECT_THAT(Names("From: Support <it@acmebamk.com>"), ElementsAre("LOOKALIKE_DOMAIN"));
  EXPECT_THAT(Names("From: Support <it@xn--cmebank-1fg.com>"), ElementsAre("LOOKALIKE_DOMAIN"));
  EXPECT_THAT(Names("From: Support <it@acmebank-login.com>"), ElementsAre("SIMILAR_DOMAIN"));
  EXPECT_THAT(Names("From: a@b.example\r\nReply-To: it@acme-bank.com"),
              ElementsAre("LOOKALIKE_DOMAIN"));
  EXPECT_THAT(Names("From: a@acmebank-friends.com"), IsEmpty()) << "a friend";
}

TEST_F(ImpersonationTest, T_C2_AddressesInTheNameAreFound) {
  EXPECT_THAT(Names("From: \"boss@acmebank.com\" <x@evil.example>"),
              ElementsAre("OWN_ADDRESS_SHOWN"));
  EXPECT_THAT(Names("From: boss@acmebank.com <x@evil.example>"), ElementsAre("OWN_ADDRESS_SHOWN"));
  EXPECT_THAT(Names("From: \"info@bank.example\" <x@evil.example>"),
              ElementsAre("NAME_HOLDS_ADDRESS"));
  EXPECT_THAT(Names("From: \"x@evil.example\" <x@mail.evil.example>"), IsEmpty());
}

TEST_F(ImpersonationTest, E4_AnswersToAFreeMailboxAreFound) {
  EXPECT_THAT(Names("From: a@partner.example\r\nReply-To: a.partner@gmail.com"),
              ElementsAre("REPLY_ELSEWHERE"));
  EXPECT_THAT(Names("From: a@gmail.com\r\nReply-To: b@gmail.com"), IsEmpty());
  EXPECT_THAT(Names("From: a@partner.example\r\nList-Id: <l.x>\r\nReply-To: a@gmail.com"),
              IsEmpty());
}

TEST_F(ImpersonationTest, E4_NothingIsSaidWhereItIsOffOrOfMailGoingOut) {
  const std::string header = "From: Hanna Muster <it@acmebamk.com>";
  envelope_.set_direction(mail::v1::DIRECTION_OUTBOUND);
  EXPECT_THAT(All(header), IsEmpty());
  envelope_.set_direction(mail::v1::DIRECTION_INBOUND);
  EXPECT_THAT(All(header), Contains("LOOKALIKE_DOMAIN"));
  tenant_.mutable_impersonation()->set_enabled(false);
  Tell();
  EXPECT_THAT(All(header), IsEmpty());
  envelope_.set_tenant("other");
  EXPECT_THAT(All(header), IsEmpty());
}

TEST_F(ImpersonationTest, ASenderIsNewOnceForADomainAndAgainAfterNinetyDays) {
  EXPECT_THAT(All("From: new@strange.example"), ElementsAre("FIRST_TIME_SENDER"));
  EXPECT_THAT(All("From: new@strange.example"), ElementsAre("FIRST_TIME_SENDER"))
      << "the same message, scanned again";
  envelope_.set_id("m2");
  EXPECT_THAT(All("From: New <NEW@strange.example>"), IsEmpty());
  clock_.Advance(kSenderRemembered + absl::Seconds(1));
  EXPECT_THAT(All("From: new@strange.example"), ElementsAre("FIRST_TIME_SENDER"));
}

TEST_F(ImpersonationTest, WithoutItsMemoryNothingIsSaidOfNewSenders) {
  AwayKv away;
  Impersonation impersonation(directory_, away);
  ParsedMessage message("From: new@strange.example\r\n\r\n");
  message.envelope = &envelope_;
  EXPECT_THAT(*impersonation.Analyze(message), IsEmpty());
}

TEST_F(ImpersonationTest, HostileHeadersTakeBoundedTime) {
  std::string from = "From: ";
  for (int i = 0; i < 10'000; ++i)
    from += base::Cat("\"a", i, "@b.example\" <x@y", i, ".example>, ");
  EXPECT_THAT(Names(from), ElementsAre("NAME_HOLDS_ADDRESS"));
  EXPECT_THAT(Names("From: x@" + std::string(10'000, 'a') + ".com"), IsEmpty());
  EXPECT_THAT(Names("Subject: no author"), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
