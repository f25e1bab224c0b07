#include "services/scanner/analyzers/door/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

using mail::v1::DoorFacts;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DoorTest : public ::testing::Test {
 protected:
  Findings Find() {
    ParsedMessage message("Subject: x\r\n\r\n");
    message.envelope = &envelope_;
    return *door_.Analyze(message);
  }
  std::vector<std::string> Names() {
    const Findings findings = Find();
    std::vector<std::string> names;
    for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
    return names;
  }
  mail::v1::Message envelope_;
  Door door_;
};

TEST_F(DoorTest, AListsHitWeighsWhatItsOperatorSays) {
  mail::v1::ListHit& hit = *envelope_.mutable_door()->add_lists();
  hit.set_list("bl.example");
  hit.set_label("SBL");
  hit.set_weight(3.5);
  const Findings findings = Find();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].name(), "DNS_BLOCK_LIST");
  EXPECT_EQ(findings[0].weight(), 3.5);
  hit.set_weight(-2);
  EXPECT_THAT(Names(), ElementsAre("DNS_ALLOW_LIST"));
}

TEST_F(DoorTest, ClientsWithoutAProperNameAreOdd) {
  envelope_.mutable_door()->set_iprev(DoorFacts::IPREV_NONE);
  envelope_.mutable_door()->set_helo(DoorFacts::HELO_BARE_ADDRESS);
  EXPECT_THAT(Names(), ElementsAre("CLIENT_NAMELESS", "HELO_ODD"));
  envelope_.mutable_door()->set_iprev(DoorFacts::IPREV_FAIL);
  envelope_.mutable_door()->set_helo(DoorFacts::HELO_OURS);
  EXPECT_THAT(Names(), ElementsAre("CLIENT_NAME_UNCONFIRMED", "HELO_OURS"));
}

TEST_F(DoorTest, WhatIsRememberedOfAClientSpeaksOnlyWhenItIsEnough) {
  mail::v1::Reputation& address = *envelope_.mutable_door()->mutable_address_reputation();
  address.set_spam(4);
  EXPECT_THAT(Names(), IsEmpty());
  address.set_refused(2);
  EXPECT_THAT(Names(), ElementsAre("REPUTATION_BAD"));
  EXPECT_EQ(Find()[0].weight(), 1.5);
  address.set_good(5);
  EXPECT_THAT(Names(), IsEmpty()) << "it sends this and that";
  address.set_good(500);
  EXPECT_THAT(Names(), ElementsAre("REPUTATION_GOOD"));
}

TEST_F(DoorTest, NeighboursSayLessAndNothingOfWhoHasShownToBeGood) {
  envelope_.mutable_door()->mutable_network_reputation()->set_spam(100);
  EXPECT_THAT(Names(), ElementsAre("REPUTATION_BAD"));
  EXPECT_EQ(Find()[0].weight(), 0.8);
  envelope_.mutable_door()->mutable_address_reputation()->set_good(1);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DoorTest, OfAnHonestClientAndOfOneNobodyAskedAboutNothingIsSaid) {
  EXPECT_THAT(Names(), IsEmpty());
  envelope_.mutable_door()->set_iprev(DoorFacts::IPREV_PASS);
  envelope_.mutable_door()->set_helo(DoorFacts::HELO_NAME);
  EXPECT_THAT(Names(), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
