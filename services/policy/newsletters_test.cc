#include "services/policy/newsletters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class NewslettersTest : public testing::Test {
 protected:
  NewslettersTest() { facts_.set_category(mail::v1::MESSAGE_CATEGORY_NEWSLETTER); }

  Outcome Mark(Outcome outcome = {}) {
    const Subject subject({.stage = Stage::kScanned,
                           .sender = "news@shop.example",
                           .client_address = "192.0.2.1",
                           .direction = direction_,
                           .at = absl::UnixEpoch(),
                           .time_zone = {},
                           .headers = &facts_.headers(),
                           .facts = &facts_});
    outcome.reason = "Score 0.0, below 5.0.";
    MarkNewsletter(subject, settings_, "standard", outcome);
    return outcome;
  }
  void Sign(const std::string& domain, const std::string& fields) {
    mail::v1::AuthenticationResult& said = *facts_.add_authentication();
    said.set_method("dkim");
    said.set_result("pass");
    said.set_domain(domain);
    mail::v1::HeaderField& field = *facts_.add_headers();
    field.set_name("DKIM-Signature");
    field.set_value("v=1; a=rsa-sha256; d=" + domain + "; h=" + fields + "; b=abc");
  }

  mail::v1::Direction direction_ = mail::v1::DIRECTION_INBOUND;
  mail::v1::MessageFacts facts_;
  v1::PolicySettings settings_;
};

TEST_F(NewslettersTest, C4_ANewsletterGetsTheTagWithoutAnybodySettingIt) {
  const Outcome outcome = Mark();
  ASSERT_THAT(outcome.actions, SizeIs(1));
  EXPECT_EQ(outcome.actions[0].tag_subject(), "[PUB]");
  EXPECT_EQ(outcome.actions[0].rule(), "standard/newsletter");
  EXPECT_THAT(outcome.reason, HasSubstr("No signature covered the subject."));
}

TEST_F(NewslettersTest, C4_TheTagIsTheTenants) {
  settings_.set_newsletter_tag("[Werbung]");
  EXPECT_EQ(Mark().actions.at(0).tag_subject(), "[Werbung]");
}

TEST_F(NewslettersTest, C4_WhatTheTagDoesToSignaturesIsSaid) {
  Sign("shop.example", "From : To: Subject : Date");
  EXPECT_THAT(Mark().reason, HasSubstr("DKIM of shop.example will not verify any more."));
}

TEST_F(NewslettersTest, C4_ASignatureWithoutTheSubjectStaysWhole) {
  Sign("shop.example", "from:to:date");
  EXPECT_THAT(Mark().reason, HasSubstr("No signature covered the subject."));
}

TEST_F(NewslettersTest, C4_AHeaderAloneLeavesSignaturesWhole) {
  Sign("shop.example", "from:subject");
  settings_.set_newsletter_mark(v1::PolicySettings::NEWSLETTER_MARK_HEADER);
  const Outcome outcome = Mark();
  EXPECT_EQ(outcome.actions.at(0).add_header().name(), "X-Cleanmail-Category");
  EXPECT_THAT(outcome.reason, Not(HasSubstr("will not verify")));
}

TEST_F(NewslettersTest, MarksNothingWhereTheTenantWantsNone) {
  settings_.set_newsletter_mark(v1::PolicySettings::NEWSLETTER_MARK_NONE);
  EXPECT_THAT(Mark().actions, IsEmpty());
}

TEST_F(NewslettersTest, OtherMailAndMailGoingOutIsLeftAlone) {
  direction_ = mail::v1::DIRECTION_OUTBOUND;
  EXPECT_THAT(Mark().actions, IsEmpty());
  direction_ = mail::v1::DIRECTION_INBOUND;
  facts_.set_category(mail::v1::MESSAGE_CATEGORY_NOTIFICATION);
  EXPECT_THAT(Mark().actions, IsEmpty());
}

TEST_F(NewslettersTest, ARuleThatTagsTheSameDoesItOnce) {
  Outcome outcome;
  outcome.actions.emplace_back().set_tag_subject("[PUB]");
  EXPECT_THAT(Mark(outcome).actions, SizeIs(1));
}

}  // namespace
}  // namespace cleanmail::policy
