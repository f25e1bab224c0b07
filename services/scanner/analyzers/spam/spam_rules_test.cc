#include "services/scanner/analyzers/spam/spam_rules.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/dns/fake_resolver.h"

namespace cleanmail::scanner {
namespace {

constexpr char kMail[] = "From: a@example.org\r\nSubject: cheap\r\n\r\nBuy.\r\n";

std::string NewFolder(const std::string& name) {
  const std::string folder = base::Cat(std::getenv("TEST_TMPDIR"), "/", name);
  std::filesystem::create_directories(folder);
  return folder;
}

void Write(const std::string& folder, const std::string& rules) {
  std::ofstream(folder + "/rules.cf") << rules;
}

std::vector<std::string> Names(SpamRules& analyzer) {
  std::vector<std::string> names;
  const absl::StatusOr<Findings> findings = analyzer.Analyze(ParsedMessage(kMail));
  EXPECT_TRUE(findings.ok());
  for (const mail::v1::Finding& finding : *findings) names.push_back(finding.name());
  return names;
}

TEST(SpamRules, SayWhichRulesFireAndWhatTheyWeigh) {
  const std::string folder = NewFolder("say");
  Write(folder,
        "header CHEAP Subject =~ /cheap/\nscore CHEAP 2.5\ndescribe CHEAP It is cheap\n"
        "header __HIDDEN From =~ /a/\nheader QUIET From =~ /a/\nscore QUIET 0\n");
  const base::SystemClock clock;
  spam::RuleSets sets({folder}, {}, clock);
  SpamRules analyzer(sets);
  EXPECT_TRUE(Names(analyzer).empty());  // nothing is loaded yet
  ASSERT_TRUE(sets.Load().ok());
  const absl::StatusOr<Findings> findings = analyzer.Analyze(ParsedMessage(kMail));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1U);
  EXPECT_EQ((*findings)[0].name(), "CHEAP");
  EXPECT_EQ((*findings)[0].weight(), 2.5);
  EXPECT_EQ((*findings)[0].evidence(), "It is cheap");
  EXPECT_EQ((*findings)[0].category(), mail::v1::FINDING_CATEGORY_SPAM);
}

TEST(SpamRules, AreSwappedAndTakenBackAtOnce) {
  const std::string folder = NewFolder("swap");
  Write(folder, "header ONE Subject =~ /cheap/\n");
  const base::SystemClock clock;
  spam::RuleSets sets({folder}, {}, clock);
  SpamRules analyzer(sets);
  ASSERT_TRUE(sets.Load().ok());
  EXPECT_FALSE(sets.GoBack().ok());
  ASSERT_TRUE(sets.Load().ok());  // the same files: nothing changes
  EXPECT_EQ(sets.present()->number, 1);
  Write(folder, "header TWO Subject =~ /cheap/\n");
  ASSERT_TRUE(sets.Load().ok());
  EXPECT_EQ(Names(analyzer), std::vector<std::string>{"TWO"});
  ASSERT_TRUE(sets.GoBack().ok());
  EXPECT_EQ(Names(analyzer), std::vector<std::string>{"ONE"});
  EXPECT_EQ(sets.present()->number, 3);
}

TEST(SpamRules, BehindATrustedRelayTheFirstStrangerIsTheClient) {
  const std::string folder = NewFolder("relays");
  Write(folder, "header FROM_GATEWAY X-Spam-Relays-External =~ /^\\[ ip=198\\.51\\.100\\.1 /\n");
  const base::SystemClock clock;
  spam::RuleSets sets({folder}, {}, clock);
  ASSERT_TRUE(sets.Load().ok());
  SpamRules analyzer(sets);
  constexpr char kRelayed[] =
      "Received: from gw.example (gw.example [198.51.100.1]) by mx (Postfix) with ESMTP id 1\r\n"
      "Received: from s.example (s.example [203.0.113.5]) by gw.example (Postfix) with ESMTP id "
      "2\r\n"
      "From: a@example.org\r\n\r\nBuy.\r\n";
  ParsedMessage message(kRelayed);
  mail::v1::Message envelope;
  envelope.mutable_session()->set_client_address("198.51.100.1");
  SenderAuthentication sender;
  message.envelope = &envelope;
  message.authentication = &sender;
  sender.client = "198.51.100.1";
  EXPECT_EQ(analyzer.Analyze(message)->size(), 1U);
  sender.client = "203.0.113.5";
  EXPECT_EQ(analyzer.Analyze(message)->size(), 0U);
}

// One that asks lists, over a DNS of its own.
class ListRules : public ::testing::Test {
 protected:
  ListRules() {
    const std::string folder =
        NewFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
    Write(folder,
          "util_rb_tld org com\nbody LISTED eval:check_uridnsbl('LISTED')\n"
          "urirhsbl LISTED dbl.com. A\nscore LISTED 0 2 0 1\n"
          "body HOSTED eval:check_uridnsbl('HOSTED')\n"
          "uridnsbl HOSTED sbl.com. A\n"
          "body HERE /buy/i\nscore HERE 1 0.5 1 0.5\n");
    options_.network = true;
    sets_ = std::make_unique<spam::RuleSets>(std::vector<std::string>{folder}, options_, clock_);
    EXPECT_TRUE(sets_->Load().ok());
  }
  std::map<std::string, double> Found(SpamRules::Lists lists) {
    SpamRules analyzer(*sets_, lists);
    const absl::StatusOr<Findings> findings = analyzer.Analyze(
        ParsedMessage("From: a@example.org\r\nSubject: x\r\n\r\nBuy at http://www.shop.org/\r\n"));
    std::map<std::string, double> found;
    for (const mail::v1::Finding& finding : *findings) found[finding.name()] = finding.weight();
    return found;
  }
  using Map = std::map<std::string, double>;

  const base::SystemClock clock_;
  spam::RuleSetOptions options_;
  std::unique_ptr<spam::RuleSets> sets_;
  dns::FakeResolver resolver_;
};

TEST_F(ListRules, AskStepByStepAndWeighWhatTheirFilesSayForTheNetwork) {
  EXPECT_EQ(Found({.resolver = &resolver_}), (Map{{"HERE", 0.5}}));
  resolver_.SetA("shop.org.dbl.com", {"127.0.0.2"});
  resolver_.Set("shop.org", dns::Type::kNs, {.names = {"ns.host.com"}});
  resolver_.SetA("ns.host.com", {"198.41.0.50"});
  resolver_.SetA("50.0.41.198.sbl.com", {"127.0.0.2"});
  EXPECT_EQ(Found({.resolver = &resolver_}), (Map{{"HERE", 0.5}, {"LISTED", 2}, {"HOSTED", 1}}));
}

TEST_F(ListRules, T_C6_AListThatDoesNotAnswerCostsNoMoreThanItsTime) {
  resolver_.SetA("shop.org.dbl.com", {"127.0.0.2"});
  resolver_.Hang("shop.org");
  const absl::Time began = absl::Now();
  EXPECT_EQ(Found({.resolver = &resolver_, .deadline = absl::Milliseconds(300)}),
            (Map{{"HERE", 0.5}, {"LISTED", 2}}));
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
}

TEST_F(ListRules, WithoutAResolverNobodyIsAsked) { EXPECT_EQ(Found({}), (Map{{"HERE", 0.5}})); }

TEST(SpamRules, StayWhenNewOnesAreOfNoUse) {
  const std::string folder = NewFolder("useless");
  Write(folder, "header ONE Subject =~ /cheap/\n");
  const base::SystemClock clock;
  spam::RuleSets sets({folder}, {}, clock);
  SpamRules analyzer(sets);
  ASSERT_TRUE(sets.Load().ok());
  Write(folder, "header BAD Subject =~ /(/\n");
  EXPECT_FALSE(sets.Load().ok());
  EXPECT_EQ(Names(analyzer), std::vector<std::string>{"ONE"});
}

TEST(SpamRules, AreSwappedWhileMessagesAreJudged) {
  const std::string folder = NewFolder("race");
  Write(folder, "header ONE Subject =~ /cheap/\n");
  const base::SystemClock clock;
  spam::RuleSets sets({folder}, {}, clock);
  SpamRules analyzer(sets);
  ASSERT_TRUE(sets.Load().ok());
  Write(folder, "header TWO Subject =~ /cheap/\n");
  ASSERT_TRUE(sets.Load().ok());
  std::thread swapper([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(sets.GoBack().ok());
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Names(analyzer).size(), 1U);
  swapper.join();
}

}  // namespace
}  // namespace cleanmail::scanner
