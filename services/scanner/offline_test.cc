#include "services/scanner/offline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(OfflineScannerTest, SaysWhatAMailIsFromItsBytesAlone) {
  const auto scanner = *OfflineScanner::Create({});
  const auto scanned = *scanner->Scan(
      "From ann Mon Jan 1\nFrom: shop@shop.example\nSubject: News\nList-Unsubscribe: <x:y>\n"
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nhttp://203.0.113.1/\n");
  EXPECT_EQ(scanned.facts().category(), mail::v1::MESSAGE_CATEGORY_NEWSLETTER);
  EXPECT_THAT(scanned.findings(), SizeIs(2));
  EXPECT_EQ(scanned.score(), 1.5);
}

TEST(OfflineScannerTest, SaysWhatItCannotSay) {
  EXPECT_THAT((*OfflineScanner::Create({}))->warnings(), SizeIs(2));
}

TEST(OfflineScannerTest, AWrongEngineIsRefused) {
  v1::ScannerConfig settings;
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
