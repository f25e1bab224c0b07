#include "services/egress/queue/fan_out.h"

#include <set>

#include <gtest/gtest.h>

namespace cleanmail::egress {
namespace {

policy::v1::MailDisposed Disposed() {
  policy::v1::MailDisposed disposed;
  disposed.set_generation(1);
  disposed.mutable_message()->set_id("m");
  disposed.mutable_message()->set_tenant("acme");
  disposed.mutable_message()->set_subject("Offer\r\nBcc: x@evil.example");
  disposed.mutable_message()->mutable_envelope()->set_sender("a@sender.example");
  return disposed;
}

mail::v1::RecipientGroup& AddGroup(policy::v1::MailDisposed& disposed,
                                   mail::v1::DispositionKind kind,
                                   const std::vector<std::string>& recipients) {
  mail::v1::RecipientGroup& group = *disposed.add_groups();
  group.set_disposition(kind);
  for (const std::string& recipient : recipients) group.add_recipients(recipient);
  return group;
}

std::vector<Delivery> Fan(const policy::v1::MailDisposed& disposed) {
  return FanOut(disposed, "gw.example", absl::FromUnixSeconds(1000));
}

TEST(FanOutTest, OneDeliveryForEachDestinationOfEachGroup) {
  policy::v1::MailDisposed disposed = Disposed();
  AddGroup(disposed, mail::v1::DISPOSITION_KIND_DELIVER, {"a@x.example", "b@y.example"});
  AddGroup(disposed, mail::v1::DISPOSITION_KIND_DELIVER, {"c@x.example"})
      .add_actions()
      ->set_tag_subject("[X]");
  AddGroup(disposed, mail::v1::DISPOSITION_KIND_HOLD, {"d@x.example"});
  const std::vector<Delivery> deliveries = Fan(disposed);
  ASSERT_EQ(deliveries.size(), 3U);
  std::set<std::string> ids;
  for (const Delivery& delivery : deliveries) ids.insert(delivery.id);
  EXPECT_EQ(ids, (std::set<std::string>{"m/disposed/1/x.example", "m/disposed/1/y.example",
                                        "m/disposed/1/x.example/1"}));
  EXPECT_TRUE(deliveries[0].actions.empty());
  EXPECT_EQ(deliveries[2].actions.size(), 1U);
  EXPECT_EQ(deliveries[2].stage, "disposed/1");
}

TEST(FanOutTest, ARedirectedMessageGoesToTheOtherAddressesOnly) {
  policy::v1::MailDisposed disposed = Disposed();
  AddGroup(disposed, mail::v1::DISPOSITION_KIND_REDIRECT, {"a@x.example"})
      .add_redirect_to("z@other.example");
  const std::vector<Delivery> deliveries = Fan(disposed);
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].recipients, std::vector<std::string>{"z@other.example"});
}

TEST(FanOutTest, CopiesGoOutAsTheMessageCameAndOnlyWhenItIsDelivered) {
  policy::v1::MailDisposed disposed = Disposed();
  mail::v1::RecipientGroup& group =
      AddGroup(disposed, mail::v1::DISPOSITION_KIND_DELIVER, {"a@x.example"});
  group.add_actions()->set_copy_to("boss@x.example");
  group.add_actions()->set_tag_subject("[X]");
  std::vector<Delivery> deliveries = Fan(disposed);
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[1].stage, "copy/disposed/1");
  EXPECT_TRUE(deliveries[1].actions.empty());
  group.set_disposition(mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_TRUE(Fan(disposed).empty());
}

TEST(FanOutTest, ANoticeTellsOfTheMessageAndNothingHostileGetsOut) {
  policy::v1::MailDisposed disposed = Disposed();
  mail::v1::Action& action =
      *AddGroup(disposed, mail::v1::DISPOSITION_KIND_HOLD, {"a@x.example"}).add_actions();
  action.set_notify("admin@x.example");
  action.set_rule("standard/no-invoices");
  const std::vector<Delivery> deliveries = Fan(disposed);
  ASSERT_EQ(deliveries.size(), 1U);
  const std::string& notice = deliveries[0].content;
  EXPECT_NE(notice.find("standard/no-invoices"), std::string::npos);
  EXPECT_NE(notice.find("held in quarantine"), std::string::npos);
  EXPECT_EQ(notice.find("\nBcc:"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::egress
