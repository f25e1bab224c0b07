#include "services/egress/queue/settlement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"

namespace cleanmail::egress {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;

class SettleTest : public ::testing::Test {
 protected:
  SettleTest() {
    delivery_.id = "m/disposed/1/example.net";
    delivery_.stage = "disposed/1";
    delivery_.destination = "example.net";
    delivery_.created_at_us = base::NowMicros(clock_);
    delivery_.message.set_id("m");
    delivery_.message.set_direction(mail::v1::DIRECTION_OUTBOUND);
    delivery_.message.mutable_envelope()->set_sender("ann@example.org");
  }
  Settlement After(std::vector<std::pair<std::string, v1::DeliveryState>> outcomes) {
    Attempt attempt{.recipients = {},
                    .remote = "mx[192.0.2.1]:25",
                    .tls = {},
                    .server_notifies = server_notifies_,
                    .original = "Subject: hello\r\n\r\nHello.\r\n",
                    .original_is_whole = true};
    delivery_.recipients.clear();
    for (const auto& [address, state] : outcomes) {
      delivery_.recipients.push_back(address);
      v1::RecipientDelivery& recipient = attempt.recipients.emplace_back();
      recipient.set_address(address);
      recipient.set_state(state);
      recipient.set_reply(state == v1::DELIVERY_STATE_REFUSED     ? "550 5.1.1 No such user"
                          : state == v1::DELIVERY_STATE_DELIVERED ? "250 2.0.0 Ok"
                                                                  : "451 4.3.0 Later");
    }
    return Settle(delivery_, std::move(attempt), absl::Hours(120), options_, clock_, random_);
  }

  // What the sender asked about a recipient.
  mail::v1::RecipientDsn& Ask(const std::string& address) {
    mail::v1::RecipientDsn& dsn = *delivery_.message.mutable_envelope()->add_recipient_dsn();
    dsn.set_address(address);
    return dsn;
  }

  bool server_notifies_ = false;
  base::FakeClock clock_;
  base::FakeRandom random_;
  SettlementOptions options_{.backoff = {}, .host_name = "gateway.example"};
  Delivery delivery_;
};

TEST_F(SettleTest, E8_ADeferralKeepsTheServersWordsAndComesBack) {
  const Settlement settlement = After({{"bob@example.net", v1::DELIVERY_STATE_DEFERRED}});
  EXPECT_THAT(settlement.delivery.recipients, ElementsAre("bob@example.net"));
  EXPECT_EQ(settlement.delivery.last_reply, "451 4.3.0 Later");
  EXPECT_EQ(settlement.delivery.attempts, 1);
  EXPECT_THAT(settlement.delivery.next_attempt_at_us - base::NowMicros(clock_),
              AllOf(Ge(48'000'000), Le(72'000'000)));
  EXPECT_EQ(settlement.news.recipients(0).state(), v1::DELIVERY_STATE_DEFERRED);
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_UNSPECIFIED);
  EXPECT_FALSE(settlement.notice.has_value());
}

TEST_F(SettleTest, WhatIsDeliveredIsNotTriedAgain) {
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_DELIVERED},
                                       {"b@example.net", v1::DELIVERY_STATE_DEFERRED}});
  EXPECT_THAT(settlement.delivery.recipients, ElementsAre("b@example.net"));
}

TEST_F(SettleTest, AnOutboundRefusalTellsTheSenderOnce) {
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_REFUSED},
                                       {"b@example.net", v1::DELIVERY_STATE_DELIVERED}});
  EXPECT_THAT(settlement.delivery.recipients, IsEmpty());
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_SENT);
  ASSERT_TRUE(settlement.notice.has_value());
  EXPECT_THAT(settlement.notice->recipients, ElementsAre("ann@example.org"));
  EXPECT_EQ(settlement.notice->destination, "example.org");
  EXPECT_THAT(settlement.notice->content, HasSubstr("Final-Recipient: rfc822; a@example.net"));
  EXPECT_THAT(settlement.notice->content, HasSubstr("Status: 5.1.1"));
  EXPECT_THAT(settlement.notice->content, HasSubstr("Subject: hello"));
}

TEST_F(SettleTest, T_A10_AnInboundFailureIsToldToNobodyOutside) {
  delivery_.message.set_direction(mail::v1::DIRECTION_INBOUND);
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_REFUSED}});
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_HELD);
  EXPECT_EQ(settlement.news.message().id(), "m");
  EXPECT_FALSE(settlement.notice.has_value());
}

TEST_F(SettleTest, T_A10_TheNullSenderAndANoticeAreToldNothing) {
  delivery_.message.mutable_envelope()->clear_sender();
  EXPECT_FALSE(After({{"a@example.net", v1::DELIVERY_STATE_REFUSED}}).notice.has_value());
  delivery_.message.mutable_envelope()->set_sender("ann@example.org");
  delivery_.content = "a notice";
  const Settlement settlement = After({{"ann@example.org", v1::DELIVERY_STATE_REFUSED}});
  EXPECT_FALSE(settlement.notice.has_value());
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_NULL_SENDER);
}

TEST_F(SettleTest, AfterFiveDaysADeferralIsTheEnd) {
  clock_.Advance(absl::Hours(119));
  EXPECT_EQ(After({{"a@example.net", v1::DELIVERY_STATE_DEFERRED}}).news.recipients(0).state(),
            v1::DELIVERY_STATE_DEFERRED);
  clock_.Advance(absl::Hours(1));
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_DEFERRED}});
  EXPECT_EQ(settlement.news.recipients(0).state(), v1::DELIVERY_STATE_EXPIRED);
  EXPECT_THAT(settlement.delivery.recipients, IsEmpty());
  EXPECT_TRUE(settlement.notice.has_value());
}

// RFC 3461 §4.1, §5.2.2
TEST_F(SettleTest, WhoAskedNotToBeToldOfAFailureIsNotTold) {
  Ask("a@example.net").set_never(true);
  Ask("b@example.net").set_on_success(true);
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_REFUSED},
                                       {"b@example.net", v1::DELIVERY_STATE_REFUSED}});
  EXPECT_FALSE(settlement.notice.has_value());
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_NOT_WANTED);
  const Settlement other = After({{"a@example.net", v1::DELIVERY_STATE_REFUSED},
                                  {"c@example.net", v1::DELIVERY_STATE_REFUSED}});
  ASSERT_TRUE(other.notice.has_value());
  EXPECT_EQ(other.news.notice(), v1::FAILURE_NOTICE_SENT);
  EXPECT_THAT(other.notice->content, Not(HasSubstr("a@example.net")));
}

TEST_F(SettleTest, SuccessIsToldWhereTheNextServerTellsNothing) {
  delivery_.message.mutable_envelope()->set_dsn_envelope_id("QQ314159");
  mail::v1::RecipientDsn& asked = Ask("a@example.net");
  asked.set_on_success(true);
  asked.set_original_recipient("rfc822;anna@example.net");
  const Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_DELIVERED},
                                       {"b@example.net", v1::DELIVERY_STATE_DELIVERED}});
  ASSERT_TRUE(settlement.notice.has_value());
  EXPECT_THAT(settlement.notice->content,
              AllOf(HasSubstr("Action: relayed\r\nStatus: 2.0.0"),
                    HasSubstr("Original-Envelope-Id: QQ314159"),
                    HasSubstr("Original-Recipient: rfc822;anna@example.net"),
                    Not(HasSubstr("b@example.net")), Not(HasSubstr("Hello."))));
  EXPECT_EQ(settlement.news.notice(), v1::FAILURE_NOTICE_UNSPECIFIED);
  server_notifies_ = true;
  EXPECT_FALSE(After({{"a@example.net", v1::DELIVERY_STATE_DELIVERED}}).notice.has_value());
}

TEST_F(SettleTest, ADelayIsToldOnceAndInTimeToWhoAskedForIt) {
  Ask("a@example.net").set_on_delay(true);
  clock_.Advance(absl::Minutes(235));
  delivery_.attempts = 10;  // the next wait would be two hours
  Settlement settlement = After({{"a@example.net", v1::DELIVERY_STATE_DEFERRED}});
  EXPECT_FALSE(settlement.notice.has_value());
  EXPECT_EQ(settlement.delivery.next_attempt_at_us,
            delivery_.created_at_us + absl::ToInt64Microseconds(absl::Hours(4)));
  clock_.Advance(absl::Minutes(5));
  settlement = After({{"a@example.net", v1::DELIVERY_STATE_DEFERRED},
                      {"b@example.net", v1::DELIVERY_STATE_DEFERRED}});
  ASSERT_TRUE(settlement.notice.has_value());
  EXPECT_THAT(settlement.notice->content,
              AllOf(HasSubstr("Action: delayed\r\nStatus: 4.3.0"), HasSubstr("Will-Retry-Until: "),
                    Not(HasSubstr("b@example.net"))));
  delivery_ = settlement.delivery;
  EXPECT_FALSE(After({{"a@example.net", v1::DELIVERY_STATE_DEFERRED}}).notice.has_value());
}

TEST_F(SettleTest, T_A10_NoWishMakesAnInboundMessageOrACopySpeak) {
  Ask("a@example.net").set_on_success(true);
  delivery_.message.set_direction(mail::v1::DIRECTION_INBOUND);
  EXPECT_FALSE(After({{"a@example.net", v1::DELIVERY_STATE_DELIVERED}}).notice.has_value());
  delivery_.message.set_direction(mail::v1::DIRECTION_OUTBOUND);
  delivery_.stage = "copy/disposed/1";
  EXPECT_FALSE(After({{"a@example.net", v1::DELIVERY_STATE_DELIVERED}}).notice.has_value());
}

TEST(Backoff, DoublesUpToTheLongestWithJitter) {
  base::FakeRandom random;
  const Backoff backoff;
  for (int attempts = 1; attempts < 100; ++attempts) {
    const absl::Duration plain =
        std::min(absl::Hours(2), absl::Minutes(1) * (1 << std::min(attempts - 1, 20)));
    const absl::Duration wait = backoff.After(attempts, random);
    EXPECT_GE(wait, plain * 0.8);
    EXPECT_LE(wait, plain * 1.2);
  }
}

}  // namespace
}  // namespace cleanmail::egress
