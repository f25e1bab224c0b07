#include "services/cli/scan_report.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/json.h"

namespace cleanmail::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Takes the first word of a mail for what it is.
class WordScanner final : public MailScanner {
 public:
  absl::StatusOr<scanner::v1::MailScanned> Scan(std::string_view mail) override {
    if (mail.starts_with("away")) return absl::UnavailableError("the engine is away");
    scanner::v1::MailScanned scanned;
    const bool malware = mail.starts_with("malware");
    scanned.mutable_facts()->set_category(malware ? mail::v1::MESSAGE_CATEGORY_MALWARE
                                                  : mail::v1::MESSAGE_CATEGORY_NEWSLETTER);
    scanned.mutable_facts()->set_category_reason("A newsletter, known by: List-Unsubscribe.");
    mail::v1::Finding& finding = *scanned.add_findings();
    finding.set_name("NEWSLETTER");
    finding.set_evidence("\x1b[31mred");
    return scanned;
  }
  Words WordsOf(std::string_view) const override {
    return {.meaning = "The message is a newsletter.", .advice = "Unsubscribe."};
  }
  std::vector<std::string> warnings() const override { return {}; }
};

class ScanReportTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = base::Cat(testing::TempDir(), "/",
                        testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_EQ(std::system(base::Cat("mkdir -p '", folder_, "/sub/.hidden'").c_str()), 0);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(base::Cat(folder_, "/", name)) << text;
    return base::Cat(folder_, "/", name);
  }
  std::string Table(ScanReport& report, bool details = false) const {
    std::ostringstream out;
    report.Print(out, Format::kTable, details);
    return out.str();
  }

  std::string folder_;
  WordScanner scanner_;
  std::ostringstream progress_;
  ScanReport report_{scanner_, &progress_, false};
};

TEST_F(ScanReportTest, FindsFilesBelowFoldersInOrder) {
  const std::string b = Write("sub/b.eml", "x");
  const std::string a = Write("a.eml", "x");
  Write(".dot", "x");
  Write("sub/.hidden/c.eml", "x");
  EXPECT_THAT(*FilesBelow({folder_}), ElementsAre(a, b));
  EXPECT_THAT(*FilesBelow({b}), ElementsAre(b));
  EXPECT_TRUE(absl::IsNotFound(FilesBelow({folder_ + "/none"}).status()));
}

TEST_F(ScanReportTest, ATableSaysWhatEachMailIsAndHowManyThereAre) {
  for (int i = 0; i < 20; ++i) Write(base::Cat(i, ".eml"), "news");
  report_.Scan(*FilesBelow({folder_}));
  const std::string table = Table(report_);
  EXPECT_THAT(table, HasSubstr("A newsletter, known by: List-Unsubscribe."));
  EXPECT_THAT(table, HasSubstr("newsletter  20     100.0 %"));
  EXPECT_THAT(progress_.str(), HasSubstr("scanned 2 of 20\n"));
  EXPECT_THAT(progress_.str(), HasSubstr("scanned 20 of 20\n"));
  EXPECT_EQ(report_.exit_code(), 0);
}

TEST_F(ScanReportTest, DetailsSayWhatToDoAndNothingReachesTheTerminal) {
  report_.Scan({Write("a.eml", "news")});
  const std::string text = Table(report_);
  EXPECT_THAT(text, HasSubstr("The message is a newsletter."));
  EXPECT_THAT(text, HasSubstr("Unsubscribe."));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(ScanReportTest, MalwareIsCodeTwo) {
  report_.Scan({Write("a.eml", "malware"), Write("b.eml", "away"), Write("c.eml", "news")});
  EXPECT_EQ(report_.exit_code(), 2);
}

TEST_F(ScanReportTest, WhatCannotBeReadIsCodeOneAndSaysWhy) {
  report_.Scan({Write("a.eml", "away"), Write("b.eml", ""), folder_ + "/none", Write("c", "x")});
  EXPECT_EQ(report_.exit_code(), 1);
  const std::string table = Table(report_);
  EXPECT_THAT(table, HasSubstr("the engine is away"));
  EXPECT_THAT(table, HasSubstr("the file is empty"));
  EXPECT_THAT(table, HasSubstr("not scanned  3"));
}

TEST_F(ScanReportTest, JsonHoldsAllOfIt) {
  report_.Scan({Write("a.eml", "news"), Write("b.eml", "away")});
  std::ostringstream out;
  report_.Print(out, Format::kJson, false);
  const auto json = base::ParseJson(out.str());
  ASSERT_TRUE(json.ok()) << json.status();
  const base::Json& first = json->Find("mails")->items[0];
  EXPECT_EQ(first.TextOf("category"), "newsletter");
  EXPECT_EQ(first.Find("findings")->items[0].TextOf("advice"), "Unsubscribe.");
  EXPECT_EQ(json->Find("totals")->Find("not scanned")->text, "1");
}

}  // namespace
}  // namespace cleanmail::cli
