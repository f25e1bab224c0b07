#include "services/scanner/offline.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Whether the worker or rules are installed where this runs must not matter.
v1::ScannerConfig WithoutWorker() {
  v1::ScannerConfig settings;
  settings.mutable_worker()->set_off(true);
  return settings;
}

v1::ScannerConfig WithoutRules() {
  v1::ScannerConfig settings = WithoutWorker();
  settings.mutable_spam_rules()->set_off(true);
  return settings;
}

TEST(OfflineScannerTest, SaysWhatAMailIsFromItsBytesAlone) {
  const auto scanner = *OfflineScanner::Create(WithoutRules());
  const auto scanned = *scanner->Scan(
      "From ann Mon Jan 1\nFrom: shop@shop.example\nSubject: News\nList-Unsubscribe: <x:y>\n"
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nhttp://203.0.113.1/\n");
  EXPECT_EQ(scanned.facts().category(), mail::v1::MESSAGE_CATEGORY_NEWSLETTER);
  EXPECT_THAT(scanned.findings(), SizeIs(2));
  EXPECT_GT(scanned.score(), 1);
}

TEST(OfflineScannerTest, SaysWhatItCannotSay) {
  EXPECT_THAT((*OfflineScanner::Create(WithoutRules()))->warnings(), SizeIs(3));
}

TEST(OfflineScannerTest, JudgesByRulesWhereFoldersAreNamed) {
  const std::string folder = testing::TempDir() + "/rules";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/own.cf") << "body OWN_RULE /lottery ticket/\nscore OWN_RULE 2.25\n";
  v1::ScannerConfig settings = WithoutWorker();
  settings.mutable_spam_rules()->add_folders(folder);
  const auto scanner = *OfflineScanner::Create(settings);
  EXPECT_THAT(scanner->warnings(), SizeIs(2));
  const auto scanned = *scanner->Scan("From: a@b.example\n\nYour lottery ticket is here.\n");
  ASSERT_THAT(scanned.findings(), SizeIs(1));
  EXPECT_EQ(scanned.findings(0).name(), "OWN_RULE");
  EXPECT_EQ(scanned.score(), 2.25);
}

TEST(OfflineScannerTest, FoldersWithoutRulesAreRefused) {
  v1::ScannerConfig settings = WithoutWorker();
  settings.mutable_spam_rules()->add_folders("/no/such/folder");
  EXPECT_FALSE(OfflineScanner::Create(settings).ok());
}

TEST(OfflineScannerTest, AWrongEngineIsRefused) {
  v1::ScannerConfig settings = WithoutWorker();
  settings.mutable_clamd()->set_address("nowhere");
  EXPECT_FALSE(OfflineScanner::Create(settings).ok());
}

TEST(OfflineScannerTest, MailsAreReadAsSmtpWouldHaveBroughtThem) {
  EXPECT_EQ(AsReceived("From x y\nA: b\n\nc\n"), "A: b\r\n\r\nc\r\n");
  EXPECT_EQ(AsReceived("A: b\r\n\r\nc\nd\r\n"), "A: b\r\n\r\nc\nd\r\n") << "its bytes are kept";
  EXPECT_EQ(AsReceived("From x"), "");
}

TEST(OfflineScannerTest, EveryFindingHasWords) {
  EXPECT_THAT(WordsOf("NEWSLETTER").advice, HasSubstr("unsubscribes"));
  EXPECT_EQ(WordsOf("NO_SUCH").meaning, "");
}

}  // namespace
}  // namespace cleanmail::scanner
