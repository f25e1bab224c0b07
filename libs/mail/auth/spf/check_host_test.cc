#include "libs/mail/auth/spf/check_host.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/auth/fake_zone.h"

namespace cleanmail::mail::auth::spf {
namespace {

Verdict Check(const FakeZone& zone, const Query& query) {
  return zone.Run([&](Lookups& lookups) { return CheckHost(query, lookups); });
}

Query From(std::string client, std::string sender = "joe@example.org") {
  return {.client = std::move(client), .helo = "mail.example.org", .sender = std::move(sender)};
}

TEST(CheckHost, SaysWhatDecidedThroughIncludes) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 include:relays.example.net -all")
      .Text("relays.example.net", "v=spf1 mx ip4:192.0.2.0/24 -all")
      .Mx("relays.example.net", 10, "in.example.net")
      .Address("in.example.net", "198.51.100.1");
  const Verdict inside = Check(zone, From("192.0.2.9"));
  EXPECT_EQ(inside.result, Result::kPass);
  EXPECT_EQ(inside.mechanism, "include:relays.example.net > ip4:192.0.2.0/24");
  EXPECT_EQ(inside.terms, 2);
  const Verdict outside = Check(zone, From("203.0.113.1"));
  EXPECT_EQ(outside.result, Result::kFail);
  EXPECT_EQ(outside.mechanism, "-all");
}

TEST(CheckHost, AnEmptySenderIsPostmasterAtTheHelo) {
  FakeZone zone;
  zone.Text("mail.example.org", "v=spf1 exists:%{l}.%{o}.ok.example -all")
      .Address("postmaster.mail.example.org.ok.example", "127.0.0.2");
  EXPECT_EQ(Check(zone, From("192.0.2.1", "")).result, Result::kPass);
}

TEST(CheckHost, AClientInAMappedAddressIsJudgedAsIpv4) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 ip4:192.0.2.1 -all");
  EXPECT_EQ(Check(zone, From("::ffff:192.0.2.1")).result, Result::kPass);
}

TEST(CheckHost, AsksForAllMxAddressesAtOnce) {
  Lookups lookups;
  const Query query = From("192.0.2.1");
  FakeZone zone;
  zone.Text("example.org", "v=spf1 mx -all")
      .Mx("example.org", 1, "a.x.org")
      .Mx("example.org", 2, "b.x.org");
  size_t most = 0;
  while (!CheckHost(query, lookups).has_value()) {
    const auto wanted = lookups.TakeWanted();
    most = std::max(most, wanted.size());
    for (const auto& question : wanted) lookups.Tell(question, zone.Ask(question));
  }
  EXPECT_EQ(most, 2u);
}

TEST(CheckHost, T_C4_ElevenTermsThatAskAreAPermanentError) {
  for (const auto& [terms, expected] : {std::pair{10, Result::kFail}, {11, Result::kPermerror}}) {
    FakeZone zone;
    std::string record = "v=spf1";
    for (int i = 0; i < terms; ++i) {
      record += base::Cat(" a:h", i, ".example.org");
      zone.Address(base::Cat("h", i, ".example.org"), "198.51.100.1");
    }
    zone.Text("example.org", record + " -all");
    EXPECT_EQ(Check(zone, From("192.0.2.1")).result, expected) << terms;
  }
}

TEST(CheckHost, T_C4_ThreeVoidTermsAreAPermanentError) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 a:no1.example.org a:no2.example.org -all")
      .Text("three.org", "v=spf1 a:no1.example.org a:no2.example.org mx:no3.example.org -all");
  EXPECT_EQ(Check(zone, From("192.0.2.1")).result, Result::kFail);
  EXPECT_EQ(Check(zone, From("192.0.2.1", "a@three.org")).result, Result::kPermerror);
}

TEST(CheckHost, T_C4_TwoRecordsAreAPermanentError) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 +all").Text("example.org", "v=spf1 -all");
  EXPECT_EQ(Check(zone, From("192.0.2.1")).result, Result::kPermerror);
}

TEST(CheckHost, T_C4_IncludesAndRedirectsInALoopEnd) {
  for (const char* record : {"v=spf1 include:example.org -all", "v=spf1 redirect=example.org",
                             "v=spf1 include:%{d1}.example.org include:example.org"}) {
    FakeZone zone;
    zone.Text("example.org", record).Text("org.example.org", record);
    EXPECT_EQ(Check(zone, From("192.0.2.1")).result, Result::kPermerror) << record;
  }
}

TEST(CheckHost, T_C6_TheWorstRecordStaysWithinTheMessagesBudget) {
  FakeZone zone;
  std::string record = "v=spf1";
  for (int i = 0; i < 10; ++i) {
    record += base::Cat(" mx:m", i, ".example.org");
    for (int j = 0; j < 10; ++j)
      zone.Mx(base::Cat("m", i, ".example.org"), 1, base::Cat("h", i, "-", j, ".example.org"));
  }
  zone.Text("example.org", record);
  Lookups lookups;
  const Query query = From("192.0.2.1");
  zone.Run(lookups, [&](Lookups& known) { return CheckHost(query, known); });
  EXPECT_LE(lookups.asked(), kQuestionsPerMessage);
}

TEST(CheckHost, T_C6_AnExplanationIsOnePlainLine) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 -all exp=why.example.org")
      .Text("why.example.org", "You are %{c}, %{h}. " + std::string(2000, 'x'));
  Query query = From("192.0.2.1");
  EXPECT_TRUE(Check(zone, query).explanation.starts_with("You are 192.0.2.1, mail.example.org."));
  EXPECT_LE(Check(zone, query).explanation.size(), 500u);
  query.helo = "a\r\nX-Injected: yes";
  EXPECT_EQ(Check(zone, query).explanation, "");
}

TEST(CheckHost, ATemporaryErrorIsSaidUnlessSomethingBeforeDecided) {
  FakeZone zone;
  zone.Text("example.org", "v=spf1 ip4:192.0.2.1 a:away.example.org -all")
      .Trouble("away.example.org");
  EXPECT_EQ(Check(zone, From("192.0.2.1")).result, Result::kPass);
  const Verdict away = Check(zone, From("192.0.2.2"));
  EXPECT_EQ(away.result, Result::kTemperror);
  EXPECT_EQ(away.problem, "no answer about away.example.org");
}

}  // namespace
}  // namespace cleanmail::mail::auth::spf
