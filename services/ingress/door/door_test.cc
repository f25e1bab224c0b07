#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/dns/fake_resolver.h"
#include "services/ingress/door/client_facts.h"
#include "services/ingress/door/dns_lists.h"

namespace cleanmail::ingress {
namespace {

using mail::v1::DoorFacts;
using ::testing::HasSubstr;
using ::testing::SizeIs;

net::IpAddress Address(const std::string& text) { return *net::IpAddress::Parse(text); }

class DnsListsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Test() { return lists_.Test(absl::Now() + absl::Seconds(5)); }
  dns::FakeResolver resolver_;
  DnsLists lists_{
      {{.zone = "bl.example", .codes = {{"127.0.0.2", "SBL", 3}, {"127.0.0.4", "XBL", 2}}}},
      resolver_};
};

TEST_F(DnsListsTest, AListThatPassesItsTestIsAskedAndOnlyExactCodesCount) {
  resolver_.SetA("2.0.0.127.bl.example", {"127.0.0.2"});
  EXPECT_THAT(Test(), SizeIs(0));
  const auto asked = lists_.QuestionsFor(Address("192.0.2.1"));
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].question.name, "1.2.0.192.bl.example");
  const auto hit = lists_.HitIn(0, dns::Answer{.addresses = {"127.0.0.9", "127.0.0.4"}});
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->label(), "XBL");
  EXPECT_EQ(hit->weight(), 2);
  EXPECT_FALSE(lists_.HitIn(0, dns::Answer{.addresses = {"127.255.255.254"}}).has_value());
  EXPECT_FALSE(lists_.HitIn(0, absl::NotFoundError("no")).has_value());
}

TEST_F(DnsListsTest, AListThatListsEverybodyIsNotAskedUntilItBehaves) {
  resolver_.SetA("2.0.0.127.bl.example", {"127.0.0.2"});
  resolver_.SetA("1.0.0.127.bl.example", {"127.0.0.2"});
  const auto sentences = Test();
  ASSERT_THAT(sentences, SizeIs(1));
  EXPECT_THAT(sentences[0], HasSubstr("bl.example lists 127.0.0.1"));
  EXPECT_THAT(lists_.QuestionsFor(Address("192.0.2.1")), SizeIs(0));
  EXPECT_EQ(lists_.off(), 1);
  resolver_.Remove("1.0.0.127.bl.example");
  EXPECT_THAT(Test(), SizeIs(0));
  EXPECT_EQ(lists_.off(), 0);
}

TEST_F(DnsListsTest, AListThatListsNobodyIsOffAndOneThatDoesNotAnswerStaysAsItWas) {
  resolver_.Fail("2.0.0.127.bl.example");
  resolver_.Fail("1.0.0.127.bl.example");
  EXPECT_THAT(Test(), SizeIs(0));
  EXPECT_EQ(lists_.off(), 0);
  resolver_.Heal();
  EXPECT_THAT(Test(), SizeIs(1));
  EXPECT_EQ(lists_.off(), 1);
}

DoorFacts Confirm(const std::string& client, const absl::StatusOr<dns::Answer>& names,
                  const std::vector<absl::StatusOr<dns::Answer>>& addresses) {
  ForwardConfirmation confirmation(Address(client));
  EXPECT_EQ(confirmation.AskNames(names).size(), addresses.size());
  DoorFacts facts;
  confirmation.Judge(addresses, facts);
  return facts;
}

TEST(ForwardConfirmation, OneNameThatLeadsBackIsEnough) {
  const DoorFacts facts =
      Confirm("192.0.2.1", dns::Answer{.names = {"a.example", "b.example"}},
              {dns::Answer{.addresses = {"192.0.2.9"}}, dns::Answer{.addresses = {"192.0.2.1"}}});
  EXPECT_EQ(facts.iprev(), DoorFacts::IPREV_PASS);
  EXPECT_EQ(facts.client_name(), "b.example");
}

TEST(ForwardConfirmation, NoNameWrongNameAndNoAnswerAreDifferentThings) {
  EXPECT_EQ(Confirm("192.0.2.1", absl::NotFoundError(""), {}).iprev(), DoorFacts::IPREV_NONE);
  EXPECT_EQ(Confirm("192.0.2.1", absl::UnavailableError(""), {}).iprev(),
            DoorFacts::IPREV_TEMPERROR);
  EXPECT_EQ(Confirm("192.0.2.1", dns::Answer{.names = {"a.example"}},
                    {dns::Answer{.addresses = {"192.0.2.2"}}})
                .iprev(),
            DoorFacts::IPREV_FAIL);
  EXPECT_EQ(Confirm("192.0.2.1", dns::Answer{.names = {"a.example"}}, {absl::UnavailableError("")})
                .iprev(),
            DoorFacts::IPREV_TEMPERROR);
}

TEST(ForwardConfirmation, T_C6_OfAThousandNamesFiveAreAsked) {
  dns::Answer names;
  for (int i = 0; i < 1000; ++i) names.names.push_back("n" + std::to_string(i) + ".example");
  ForwardConfirmation confirmation(Address("192.0.2.1"));
  EXPECT_THAT(confirmation.AskNames(names), SizeIs(5));
}

TEST(JudgeHelo, TellsNamesLiteralsAndNonsenseApart) {
  const auto judge = [](const std::string& helo) {
    return JudgeHelo(helo, Address("192.0.2.1"), "mx.example.org");
  };
  EXPECT_EQ(judge("mail.client.example"), DoorFacts::HELO_NAME);
  EXPECT_EQ(judge("[192.0.2.1]"), DoorFacts::HELO_LITERAL);
  EXPECT_EQ(judge("[192.0.2.2]"), DoorFacts::HELO_WRONG_LITERAL);
  EXPECT_EQ(judge("192.0.2.1"), DoorFacts::HELO_BARE_ADDRESS);
  EXPECT_EQ(judge("localhost"), DoorFacts::HELO_NOT_QUALIFIED);
  EXPECT_EQ(judge("MX.example.org"), DoorFacts::HELO_OURS);
  EXPECT_EQ(judge("..."), DoorFacts::HELO_NO_NAME);
  EXPECT_EQ(judge("["), DoorFacts::HELO_NO_NAME);
}

}  // namespace
}  // namespace cleanmail::ingress
