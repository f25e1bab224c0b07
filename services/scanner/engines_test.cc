#include "services/scanner/engines.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "services/scanner/worker/worker_for_test.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NoLog final : public telemetry::Log {
 public:
  void Write(telemetry::Level, std::string_view, telemetry::Fields) override {}
  void Reopen() override {}
};

class EnginesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Engines>> Make(const std::string& text) {
    v1::ScannerConfig settings;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &settings)) << text;
    clock_.Advance(absl::Now() - clock_.Now());
    return Engines::Make(settings, parts_);
  }
  std::string Worker(std::string_view more) {
    return base::Cat("worker { program: '", worker::DrillWorker(), "' scratch: '/tmp' ", more,
                     " }");
  }
  // Until there are none; the last ones otherwise.
  static std::vector<std::string> WarningsOnceReady(const Engines& engines) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    std::vector<std::string> warnings = engines.Warnings();
    while (absl::Now() < deadline && !warnings.empty() &&
           warnings[0].find("is being started") != std::string::npos) {
      absl::SleepFor(absl::Milliseconds(5));
      warnings = engines.Warnings();
    }
    return warnings;
  }

  worker::TestSignatures signatures_;
  base::FakeClock clock_;
  NoLog log_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  const EnginesParts parts_{50 << 20, clock_, log_, registry_, metrics_};
};

TEST_F(EnginesTest, NoEngineAtAllIsAWarning) {
  const auto engines = Make("worker { off: true }");
  ASSERT_TRUE(engines.ok()) << engines.status();
  EXPECT_THAT((*engines)->TakeSlots(), IsEmpty());
  EXPECT_THAT((*engines)->Warnings(), ElementsAre(HasSubstr("no malware engine")));
  EXPECT_EQ(metrics_.engine_missing.value(), 1);
}

TEST_F(EnginesTest, RulesOfOnesOwnAreNoEngineAFeedIs) {
  const std::string rules = base::Cat("'", signatures_.folder(), "/rules'");
  const auto own = Make(Worker(base::Cat("clamav_database: 'none' yara { rules: ", rules, " }")));
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(metrics_.engine_missing.value(), 1);
  metrics_.engine_missing.Set(0);
  const auto feed = Make(Worker(base::Cat("clamav_database: 'none' yara { feed: ", rules, " }")));
  ASSERT_TRUE(feed.ok()) << feed.status();
  EXPECT_EQ(metrics_.engine_missing.value(), 0);
}

TEST_F(EnginesTest, TheWorkersEnginesAreAskedAndTheirAgeIsWatched) {
  const auto made = Make(Worker(base::Cat("clamav_database: '", signatures_.clamav_folder(),
                                          "' yara { feed: '", signatures_.folder(), "/rules' }")));
  ASSERT_TRUE(made.ok()) << made.status();
  Engines& engines = **made;
  const auto slots = engines.TakeSlots();
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_THAT(WarningsOnceReady(engines), IsEmpty());
  const auto findings = slots[0]->Analyze(ParsedMessage("Subject: x\r\n\r\nworm-mark\r\n"));
  ASSERT_TRUE(findings.ok()) << findings.status();
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ((*findings)[0].analyzer(), "yara");
  clock_.Advance(absl::Hours(9 * 24));
  engines.Check();
  EXPECT_THAT(engines.Warnings(), Contains("yara's signatures are 9 days old"));
  EXPECT_THAT(registry_.Text(),
              AllOf(HasSubstr("cleanmail_scanner_engine_signatures{engine=\"yara\"} 2"),
                    HasSubstr("cleanmail_scanner_engine_version{engine=\"yara\",version=\"4.")));
}

TEST_F(EnginesTest, ChangedRulesAreLoadedByThemselvesAndBrokenOnesChangeNothing) {
  const auto made = Make(Worker(
      base::Cat("clamav_database: 'none' yara { feed: '", signatures_.folder(), "/rules' }")));
  ASSERT_TRUE(made.ok()) << made.status();
  Engines& engines = **made;
  const auto slots = engines.TakeSlots();
  EXPECT_THAT(WarningsOnceReady(engines), IsEmpty());
  std::ofstream(signatures_.folder() + "/rules/new.yar")
      << "rule NEW { strings: $a = \"new-mark\" condition: $a }";
  std::ofstream(signatures_.folder() + "/rules/broken.yar")
      << "rule BROKEN { condition: nonsense }";
  engines.Check();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  Findings findings;
  while (findings.empty() && absl::Now() < deadline) {
    const auto answer = slots[0]->Analyze(ParsedMessage("Subject: x\r\n\r\nnew-mark\r\n"));
    ASSERT_TRUE(answer.ok()) << answer.status();
    findings = *answer;
  }
  EXPECT_EQ(findings.size(), 1u);
  engines.Check();
  EXPECT_THAT(engines.Warnings(), Contains(HasSubstr("broken.yar: line 1")));
  std::filesystem::remove_all(signatures_.folder() + "/rules");
  engines.Check();
  absl::SleepFor(absl::Milliseconds(300));  // a start that fails leaves no other trace here
  EXPECT_TRUE(slots[0]->Analyze(ParsedMessage("Subject: x\r\n\r\nhello\r\n")).ok());
}

TEST_F(EnginesTest, WhatCannotBeIsRefusedAtStart) {
  EXPECT_TRUE(absl::IsNotFound(Make("worker { program: '/no/such/worker' }").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Make("commands { name: 'A' }").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Make("clamd { address: 'x' }").status()));
}

}  // namespace
}  // namespace cleanmail::scanner
