#include "services/scanner/analyzers/impersonation/correspondents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "name|local@domain" of each.
std::vector<std::string> Read(std::string_view value) {
  std::vector<std::string> all;
  for (const Correspondent& one : ReadCorrespondents(value))
    all.push_back(one.name + "|" + one.local + "@" + one.domain);
  return all;
}

TEST(CorrespondentsTest, ReadsNamesAndAddresses) {
  EXPECT_THAT(Read("Hanna Muster <Hanna@Acme.example>"),
              ElementsAre("Hanna Muster|hanna@acme.example"));
  EXPECT_THAT(Read("\"Muster, Hanna\" <h@a.example>, b@c.example (Bob)"),
              ElementsAre("Muster, Hanna|h@a.example", "Bob|b@c.example"));
  EXPECT_THAT(Read("=?utf-8?q?J=C3=B6rg?=\r\n <j@m\xc3\xbcller.example>"),
              ElementsAre("Jörg|j@xn--mller-kva.example"));
}

TEST(CorrespondentsTest, TheLastBracketsAreTheAddress) {
  EXPECT_THAT(Read("Hanna <hanna@acme.example> <x@evil.example>"),
              ElementsAre("Hanna  hanna@acme.example|x@evil.example"));
  EXPECT_THAT(Read("\"hanna@acme.example\" <x@evil.example>"),
              ElementsAre("hanna@acme.example|x@evil.example"));
}

TEST(CorrespondentsTest, BrokenFieldsAreReadToAnEnd) {
  EXPECT_THAT(Read(""), IsEmpty());
  EXPECT_THAT(Read("Nobody"), ElementsAre("Nobody|@"));
  EXPECT_THAT(Read("\"open <x@y.example>"), ElementsAre("\"open|x@y.example"));
  EXPECT_THAT(Read("(open <x@y.example>"), ElementsAre("(open|x@y.example"));
  EXPECT_LE(ReadCorrespondents(std::string(1 << 20, ',')).size(), kMostCorrespondents);
  EXPECT_LE(ReadCorrespondents(std::string(1 << 20, 'a')).at(0).name.size(), 4000U);
}

TEST(CorrespondentsTest, T_C2_AddressesInNamesAreSeen) {
  EXPECT_THAT(DomainsInName("Hanna (hanna@acme.example)"), ElementsAre("acme.example"));
  EXPECT_THAT(DomainsInName("hanna@ac\u200bme.example."), ElementsAre("acme.example"));
  EXPECT_THAT(DomainsInName("@home, R&D@work"), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
