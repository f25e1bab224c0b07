#include "services/scanner/category/category.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

using ::testing::HasSubstr;

Category Decide(std::vector<FindingId> ids, double score) {
  Findings findings;
  for (const FindingId id : ids) findings.push_back(MakeFinding(id, "evidence", "test"));
  return DecideCategory(findings, score);
}

TEST(CategoryTest, F8_EveryMailHasACategoryAndAReason) {
  using Id = FindingId;
  EXPECT_EQ(Decide({}, 0).category, mail::v1::MESSAGE_CATEGORY_PERSONAL);
  EXPECT_EQ(Decide({Id::kMalware, Id::kNewsletter}, 9).category,
            mail::v1::MESSAGE_CATEGORY_MALWARE);
  EXPECT_EQ(Decide({Id::kSenderForged, Id::kUtf7, Id::kAmbiguousStructure}, 5.5).category,
            mail::v1::MESSAGE_CATEGORY_SPAM);
  EXPECT_EQ(Decide({Id::kLinkLookalike, Id::kUtf7}, 5.5).category,
            mail::v1::MESSAGE_CATEGORY_PHISHING);
  EXPECT_EQ(Decide({Id::kNewsletter}, 4.9).category, mail::v1::MESSAGE_CATEGORY_NEWSLETTER);
  EXPECT_EQ(Decide({Id::kMailingList}, 0).category, mail::v1::MESSAGE_CATEGORY_BULK);
  EXPECT_EQ(Decide({Id::kBulkMail}, 0).category, mail::v1::MESSAGE_CATEGORY_BULK);
  EXPECT_EQ(Decide({Id::kNotification}, 0).category, mail::v1::MESSAGE_CATEGORY_NOTIFICATION);
  EXPECT_EQ(Decide({Id::kBounce}, 0).category, mail::v1::MESSAGE_CATEGORY_BOUNCE);
}

TEST(CategoryTest, ACategoryHasOneWord) {
  EXPECT_EQ(CategoryWord(mail::v1::MESSAGE_CATEGORY_NEWSLETTER), "newsletter");
  EXPECT_EQ(CategoryWord(mail::v1::MESSAGE_CATEGORY_UNSPECIFIED), "undecided");
}

TEST(CategoryTest, TheReasonNamesWhatWeighsMost) {
  EXPECT_EQ(Decide({FindingId::kSenderForged, FindingId::kUtf7}, 5.0).reason,
            "Score 5.0, mostly by UTF7_TEXT, SENDER_FORGED.");
  EXPECT_THAT(Decide({FindingId::kNewsletter}, 0).reason, HasSubstr("known by: evidence"));
}

}  // namespace
}  // namespace cleanmail::scanner
