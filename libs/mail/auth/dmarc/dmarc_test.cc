#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/auth/dmarc/evaluate.h"
#include "libs/mail/auth/dmarc/record.h"
#include "libs/mail/auth/fake_zone.h"

namespace cleanmail::mail::auth::dmarc {
namespace {

Verdict Judge(const FakeZone& zone, const Evidence& evidence) {
  return zone.Run([&](Lookups& lookups) { return Evaluate(evidence, lookups); });
}

Author AuthorOf(std::string_view header) {
  const std::string text = base::Cat(header, "\r\n\r\n");
  return ReadAuthor(*mime::HeaderBlock::Parse(text));
}

TEST(Dmarc, AnAlignedIdentifierPassesAnUnalignedOneFails) {
  FakeZone zone;
  zone.Text("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:r@example.org");
  EXPECT_EQ(Judge(zone, {.author = "example.org", .spf_domain = "bounce.example.org"}).result,
            Result::kPass);
  const Verdict signed_by =
      Judge(zone, {.author = "mail.example.org", .dkim_domains = {"other.net", "example.org"}});
  EXPECT_EQ(signed_by.result, Result::kPass);
  EXPECT_EQ(signed_by.dkim_aligned, "example.org");
  const Verdict failed = Judge(
      zone,
      {.author = "example.org", .spf_domain = "other.net", .dkim_domains = {"badexample.org"}});
  EXPECT_EQ(failed.result, Result::kFail);
  EXPECT_EQ(failed.applies, Policy::kReject);
  EXPECT_EQ(Judge(zone, {.author = "example.com", .spf_domain = "example.com"}).result,
            Result::kNone);
}

TEST(Dmarc, StrictModeWantsTheSameName) {
  FakeZone zone;
  zone.Text("_dmarc.example.org", "v=DMARC1; p=none; adkim=s; aspf=s");
  EXPECT_EQ(Judge(zone, {.author = "example.org", .dkim_domains = {"a.example.org"}}).result,
            Result::kFail);
  EXPECT_EQ(Judge(zone, {.author = "example.org", .spf_domain = "a.example.org"}).result,
            Result::kFail);
  EXPECT_EQ(Judge(zone, {.author = "example.org", .spf_domain = "EXAMPLE.org"}).result,
            Result::kPass);
}

TEST(Dmarc, T_C5_SubdomainsAndNamesThatDoNotExistHaveTheirOwnPolicies) {
  FakeZone zone;
  zone.Text("_dmarc.example.org", "v=DMARC1; p=none; sp=quarantine; np=reject")
      .Address("real.example.org", "192.0.2.1");
  EXPECT_EQ(Judge(zone, {.author = "example.org"}).applies, Policy::kNone);
  EXPECT_EQ(Judge(zone, {.author = "real.example.org"}).applies, Policy::kQuarantine);
  const Verdict made_up = Judge(zone, {.author = "made-up.example.org"});
  EXPECT_EQ(made_up.applies, Policy::kReject);
  EXPECT_TRUE(made_up.nonexistent);
  zone.Trouble("away.example.org");
  EXPECT_EQ(Judge(zone, {.author = "away.example.org"}).applies, Policy::kQuarantine);
}

TEST(Dmarc, T_C5_TestingLowersThePolicyByOneStep) {
  for (const auto& [record, expected] : {std::pair{"v=DMARC1; p=reject; t=y", Policy::kQuarantine},
                                         {"v=DMARC1; p=quarantine; t=y", Policy::kNone},
                                         {"v=DMARC1; p=reject; pct=0", Policy::kQuarantine},
                                         {"v=DMARC1; p=reject; pct=0; t=n", Policy::kReject},
                                         {"v=DMARC1; p=reject; pct=20", Policy::kReject}}) {
    FakeZone zone;
    zone.Text("_dmarc.example.org", record);
    const Verdict verdict = Judge(zone, {.author = "example.org"});
    EXPECT_EQ(verdict.applies, expected) << record;
    EXPECT_EQ(verdict.result, Result::kFail);
  }
}

TEST(Dmarc, T_C5_TheWalkFindsOrganizationsAsTheRfcSays) {  // RFC 9989 §4.10
  const auto organization = [](const FakeZone& zone, std::string_view domain) {
    bool trouble = false;
    return zone.Run([&](Lookups& lookups) { return OrganizationOf(domain, lookups, trouble); });
  };
  FakeZone plain;
  plain.Text("_dmarc.example.com", "v=DMARC1; p=none")
      .Text("_dmarc.mail.example.com", "v=DMARC1; p=none");
  EXPECT_EQ(organization(plain, "a.mail.example.com"), "example.com");
  EXPECT_EQ(organization(plain, "a.other.com"), "a.other.com");
  FakeZone stopped;
  stopped.Text("_dmarc.example.com", "v=DMARC1; p=none")
      .Text("_dmarc.mail.example.com", "v=DMARC1; p=none; psd=n");
  EXPECT_EQ(organization(stopped, "a.mail.example.com"), "mail.example.com");
  FakeZone suffix;
  suffix.Text("_dmarc.gov.example", "v=DMARC1; p=reject; psd=y");
  EXPECT_EQ(organization(suffix, "a.b.tax.gov.example"), "tax.gov.example");
  EXPECT_EQ(organization(suffix, "gov.example"), "gov.example");
  const Verdict below =
      Judge(suffix, {.author = "mail.tax.gov.example", .spf_domain = "tax.gov.example"});
  EXPECT_EQ(below.result, Result::kPass);
  EXPECT_EQ(below.record_domain, "gov.example");
  const Verdict neighbour =
      Judge(suffix, {.author = "tax.gov.example", .spf_domain = "spy.gov.example"});
  EXPECT_EQ(neighbour.result, Result::kFail);
}

TEST(Dmarc, T_C6_AWalkAsksEightNamesAtMost) {
  std::string domain = "example.org";
  for (int i = 0; i < 40; ++i) domain.insert(0, "a.");
  FakeZone zone;
  zone.Text("_dmarc.a.a.a.a.a.example.org", "v=DMARC1; p=reject");
  Lookups lookups;
  const Evidence evidence{.author = domain};
  const Verdict verdict =
      zone.Run(lookups, [&](Lookups& known) { return Evaluate(evidence, known); });
  EXPECT_EQ(lookups.asked(), kMaxWalk);
  EXPECT_EQ(verdict.record_domain, "a.a.a.a.a.example.org");
}

TEST(Dmarc, SeveralRecordsAreNoneAndSilenceIsTemporary) {
  FakeZone zone;
  zone.Text("_dmarc.example.org", "v=DMARC1; p=reject")
      .Text("_dmarc.example.org", "v=DMARC1; p=none")
      .Text("_dmarc.example.com", "v=spf1 -all")
      .Trouble("_dmarc.example.net");
  EXPECT_EQ(Judge(zone, {.author = "example.org"}).result, Result::kNone);
  EXPECT_EQ(Judge(zone, {.author = "example.com"}).result, Result::kNone);
  EXPECT_EQ(Judge(zone, {.author = "example.net"}).result, Result::kTemperror);
}

TEST(Record, WhatCannotBeReadIsPassedOverOrMeansNone) {
  EXPECT_FALSE(ParseRecord("v=DMARC1").has_value());
  EXPECT_FALSE(ParseRecord("v=dmarc1; p=reject").has_value());
  EXPECT_FALSE(ParseRecord("p=reject; v=DMARC1").has_value());
  EXPECT_FALSE(ParseRecord("v=DMARC1; p=rejct; rua=nowhere").has_value());
  EXPECT_EQ(ParseRecord("v=DMARC1; p=rejct; rua=mailto:a@b.org")->policy, Policy::kNone);
  EXPECT_EQ(ParseRecord("v=DMARC1; p=reject; sp=x; rua=mailto:a@b.org")->policy, Policy::kNone);
  const auto record = ParseRecord(
      "V = DMARC1 ;; P=Reject ; x=y; adkim=S; fo=1:d; rua=mailto:a@b.org , https://x/y;");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->policy, Policy::kReject);
  EXPECT_EQ(record->dkim, Alignment::kStrict);
  EXPECT_EQ(record->aggregate.size(), 2u);
}

TEST(Author, IsTheAddressNeverTheNameShown) {
  const std::pair<const char*, const char*> rows[] = {
      {"From: joe@Example.ORG", "example.org"},
      {"From: \"bank@bank.com\" <joe@example.org>", "example.org"},
      {"From: bank@bank.com <joe@example.org>", "example.org"},
      {"From: (bank@bank.com (<x@y.org>)) joe@example.org (x)", "example.org"},
      {"From: =?utf-8?q?a?=\r\n <joe@example.org>", "example.org"},
      {"From: \"a@b\"@example.org", "example.org"},
      {"From: Joe <\"<x@bank.com>\"@example.org>", "example.org"},
      {"From: Friends: joe@example.org;", "example.org"},
      {"From: Bank, Security; Inc. <joe@example.org>", "example.org"},
      {"from: joe@b\xC3\xBC"
       "cher.example",
       "xn--bcher-kva.example"}};
  for (const auto& [header, domain] : rows) {
    const Author author = AuthorOf(header);
    EXPECT_TRUE(author.readable) << header;
    EXPECT_EQ(author.domains, std::vector<std::string>{domain}) << header;
  }
  EXPECT_EQ(AuthorOf("From: a@x.org, b@y.org, c@X.org").domains.size(), 2u);
}

TEST(Author, T_C2_SeveralFromsAndBrokenOnesAreNotReadable) {
  for (const char* header : {"To: x@y.org", "From: a@x.org\r\nFrom: a@x.org", "From: joe", "From:",
                             "From: <a@x.org", "From: <a@x.org> <b@y.org>", "From: \"joe <a@x.org>",
                             "From: (joe <a@x.org>", "From: <>", "From: a@[1.2.3.4]"})
    EXPECT_FALSE(AuthorOf(header).readable) << header;
  EXPECT_EQ(AuthorOf("From: Joe <a@x.org> <b@y.org>").domains.size(), 2u);
}

}  // namespace
}  // namespace cleanmail::mail::auth::dmarc
