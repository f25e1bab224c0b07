#include "services/scanner/rule_agreement.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "libs/base/clock.h"
#include "libs/store/kv/memory_kv_store.h"

namespace cleanmail::scanner {
namespace {

constexpr char kFirst[] = "header ONE Subject =~ /one/\n";
constexpr char kSecond[] = "header TWO Subject =~ /two/\n";

class RuleAgreementTest : public testing::Test {
 protected:
  // A scanner with a folder of its own.
  struct Scanner {
    Scanner(RuleAgreementTest& test, const std::string& name)
        : folder(std::string(std::getenv("TEST_TMPDIR")) + "/" +
                 testing::UnitTest::GetInstance()->current_test_info()->name() + name),
          sets({folder}, {}, test.clock_),
          agreement(sets, *test.kv_, *test.log_) {
      std::filesystem::create_directories(folder);
      Put(kFirst);
      EXPECT_TRUE(sets.Load().ok());
    }
    void Put(const char* rules) const { std::ofstream(folder + "/rules.cf") << rules; }
    std::string Rule() const { return sets.rules()->Status()[0].name; }

    const std::string folder;
    spam::RuleSets sets;
    RuleAgreement agreement;
  };

  const base::SystemClock clock_;
  std::unique_ptr<kv::KvStore> kv_ = kv::MakeMemoryKvStore(clock_, 100);
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  Scanner here_{*this, "here"};
  Scanner there_{*this, "there"};
};

TEST_F(RuleAgreementTest, WhatOneReadsAgainAllReadAgain) {
  here_.Put(kSecond);
  there_.Put(kSecond);
  ASSERT_TRUE(here_.sets.Load().ok());
  there_.agreement.Follow();
  EXPECT_EQ(there_.Rule(), "ONE");  // nobody told
  here_.agreement.Tell();
  there_.agreement.Follow();
  EXPECT_EQ(there_.Rule(), "TWO");
  EXPECT_EQ(there_.sets.present()->digest, here_.sets.present()->digest);
}

TEST_F(RuleAgreementTest, WhereOneGoesBackAllGoBackWhateverTheFoldersHold) {
  for (Scanner* scanner : {&here_, &there_}) {
    scanner->Put(kSecond);
    ASSERT_TRUE(scanner->sets.Load().ok());
  }
  ASSERT_TRUE(there_.sets.GoBack().ok());
  there_.agreement.Tell();
  here_.agreement.Follow();
  EXPECT_EQ(here_.Rule(), "ONE");
  here_.agreement.Follow();  // once is enough
  EXPECT_EQ(here_.Rule(), "ONE");
  ASSERT_TRUE(here_.sets.GoBack().ok());  // and forth again, from the other side
  here_.agreement.Tell();
  there_.agreement.Follow();
  EXPECT_EQ(there_.Rule(), "TWO");
}

TEST_F(RuleAgreementTest, OtherFilesThereAreUsedAndNotReadAgainAndAgain) {
  here_.Put(kSecond);
  ASSERT_TRUE(here_.sets.Load().ok());
  here_.agreement.Tell();
  there_.Put("header THREE Subject =~ /three/\n");
  there_.agreement.Follow();
  EXPECT_EQ(there_.Rule(), "THREE");
  there_.Put("header FOUR Subject =~ /four/\n");
  there_.agreement.Follow();
  EXPECT_EQ(there_.Rule(), "THREE");
}

}  // namespace
}  // namespace cleanmail::scanner
