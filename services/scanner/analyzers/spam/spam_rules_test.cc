#include "services/scanner/analyzers/spam/spam_rules.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "libs/base/cat.h"

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
