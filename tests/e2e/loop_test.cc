// A route that leads back to the gateway itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Loop, T_A10_MailThatComesBackAgainAndAgainEndsAsUndeliverable) {
  Gateway gateway({.egress = "  first_retry: 200ms\n  longest_retry: 1s\n  own_hops: 3\n"});
  gateway.AddTenant("acme");
  gateway.AddDomain("acme", "loop.example", false, base::Cat("127.0.0.1:", gateway.port()));
  gateway.Accept({"ann@loop.example"}, TextMail("round and round"));
  Gateway::WaitUntil([&] { return gateway.Holds().size() == 1; }, "the end of the loop");
  const auto holds = gateway.Holds();
  ASSERT_THAT(holds, SizeIs(1));
  EXPECT_EQ(holds[0].kind(), mail::v1::HOLD_KIND_UNDELIVERABLE);
  const std::string id = holds[0].name().substr(holds[0].name().rfind('/') + 1);
  gateway.WaitFor(id, "refused");
  EXPECT_THAT(gateway.Details(id), HasSubstr("it loops"));

  // Came with 0, 1, 2, 3 and 4 lines of ours, and that was all.
  EXPECT_EQ(gateway.Metric("cleanmail_ingress_messages_total"), 5);
  EXPECT_EQ(gateway.Metric("cleanmail_egress_open_deliveries"), 0) << "nothing is on its way";
  EXPECT_EQ(gateway.Metric("cleanmail_egress_notices_total"), 0);
  EXPECT_EQ(gateway.sink().count(), 0);
}

}  // namespace
}  // namespace cleanmail::e2e
