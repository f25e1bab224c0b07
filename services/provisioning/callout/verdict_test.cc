#include "services/provisioning/callout/verdict.h"

#include <gtest/gtest.h>

namespace cleanmail::provisioning::callout {
namespace {

using mail::smtp::Outcome;
using mail::smtp::Stage;

Outcome Said(int code, const std::string& enhanced, Stage stage = Stage::kRecipient) {
  return {.reply = {.code = code, .enhanced = enhanced, .text = "words"}, .stage = stage};
}

TEST(VerdictTest, E5_OnlyTheAnswerToRcptAboutTheAddressIsNegative) {
  EXPECT_EQ(Judge(Said(250, "2.1.5"), false).answer, Answer::kExists);
  EXPECT_EQ(Judge(Said(550, "5.1.1"), false).answer, Answer::kDoesNotExist);
  EXPECT_EQ(Judge(Said(550, "5.1.10"), false).answer, Answer::kDoesNotExist);
  EXPECT_EQ(Judge(Said(550, "5.1.1"), false).words, "550 5.1.1 words");
}

TEST(VerdictTest, E5_AFullMailboxARefusalOfTheAskerAndATemporaryAnswerAreNotNegative) {
  for (const auto& [code, enhanced] :
       std::initializer_list<std::pair<int, std::string>>{{552, "5.2.2"},
                                                          {550, "5.2.1"},
                                                          {550, "5.7.1"},
                                                          {554, "5.7.606"},
                                                          {550, "5.1.8"},
                                                          {550, "5.1.7"},
                                                          {450, "4.1.1"},
                                                          {451, ""},
                                                          {452, "4.2.2"},
                                                          {550, "5.4.4"}}) {
    EXPECT_EQ(Judge(Said(code, enhanced), true).answer, Answer::kUnknown) << enhanced;
  }
}

TEST(VerdictTest, E5_ANoWithoutACodeOfItsOwnCountsOnlyWhileAGoodRecipientPasses) {
  for (const auto& said : {Said(550, ""), Said(554, ""), Said(550, "5.4.1")}) {
    EXPECT_TRUE(NeedsKnownGood(said));
    EXPECT_EQ(Judge(said, false).answer, Answer::kUnknown);
    EXPECT_EQ(Judge(said, true).answer, Answer::kDoesNotExist);
  }
  EXPECT_FALSE(NeedsKnownGood(Said(550, "5.1.1")));
}

TEST(VerdictTest, E5_GreetingMailAndLostConnectionsSayNothingOfTheRecipient) {
  EXPECT_EQ(Judge(Said(554, "", Stage::kConnect), true).answer, Answer::kUnknown);
  EXPECT_EQ(Judge(Said(550, "5.1.1", Stage::kMail), true).answer, Answer::kUnknown);
  Outcome lost = Said(550, "5.1.1");
  lost.local = true;
  EXPECT_EQ(Judge(lost, true).answer, Answer::kUnknown);
}

}  // namespace
}  // namespace cleanmail::provisioning::callout
