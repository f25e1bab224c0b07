#include "services/scanner/learning/tokens.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner::learning {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr TokenKey kKey = {1, 2};

constexpr std::string_view kMail =
    "Received: from relay.example\r\nX-Spam-Score: 7\r\n"
    "From: \"Big Winner\" <eve@mail.pills.example>\r\nReply-To: <eve@gmx.example>\r\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= friend\r\nUser-Agent: Bulker 3\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n"
    "<p>Cheap pills <a href='https://shop.pills.example/x'>here</a>"
    "<span style='display:none'>hashbuster</span></p>\r\n"
    "--b\r\nContent-Type: application/zip; name=\"bill.ZIP\"\r\n\r\nPK\r\n--b--\r\n";

std::vector<std::string> Read(std::string_view mail, const TokenLimits& limits = {}) {
  const ParsedMessage message(mail);
  const Tokens tokens = TokensOf(message, kKey, limits);
  std::vector<std::string> read;
  for (const Token& token : tokens.list) read.push_back(tokens.Describe(token));
  return read;
}

TEST(Tokens, AreWhatTheRecipientSees) {
  const std::vector<std::string> read = Read(kMail);
  for (const char* token :
       {"\"cheap\"", "\"pills\"", "\"cheap pills\"", "\"grüße\" in the subject",
        "\"winner\" in the sender's name", "from pills.example", "answers to gmx.example",
        "link to shop.pills.example", "link to pills.example", "file .zip", "header bulker",
        "hidden text", "no plain text"})
    EXPECT_THAT(read, Contains(token));
}

TEST(Tokens, AreNotWhatNobodySeesOrOthersHaveAdded) {
  for (const std::string& token : Read(kMail)) {
    EXPECT_THAT(token, Not(HasSubstr("hashbuster")));
    EXPECT_THAT(token, Not(HasSubstr("relay")));
    EXPECT_THAT(token, Not(HasSubstr("spam")));
  }
}

TEST(Tokens, AreTheSameForTheSameKeyOnly) {
  const ParsedMessage message(kMail);
  const Tokens once = TokensOf(message, kKey);
  const Tokens again = TokensOf(message, kKey);
  const Tokens elsewhere = TokensOf(message, {3, 4});
  const auto same = [](const Token& a, const Token& b) { return a.hash == b.hash; };
  EXPECT_TRUE(std::ranges::equal(once.list, again.list, same));
  EXPECT_FALSE(std::ranges::equal(once.list, elsewhere.list, same));
}

TEST(Tokens, AreEachOnceInOrder) {
  const ParsedMessage message("Subject: a\r\n\r\nspam spam spam spam\r\n");
  const Tokens tokens = TokensOf(message, kKey);
  const auto later = [](const Token& a, const Token& b) { return a.hash >= b.hash; };
  EXPECT_EQ(std::ranges::adjacent_find(tokens.list, later), tokens.list.end());
}

TEST(Tokens, T_B3_AreBoundedHoweverLongTheTextIs) {
  std::string mail = "Subject: important offer\r\n\r\n";
  for (int i = 0; i < 200'000; ++i)
    mail +=
        base::Cat(std::string(1, static_cast<char>('a' + i % 26)), i, " http://h", i, ".example/ ");
  const std::vector<std::string> read = Read(mail);
  EXPECT_LE(read.size(), 4000U);
  EXPECT_GE(read.size(), 2000U);
  EXPECT_THAT(read, Contains("\"offer\" in the subject"));
}

TEST(Tokens, PaddingDoesNotHideTheEndOfAText) {
  std::string mail = "Subject: x\r\n\r\n";
  for (int i = 0; i < 30'000; ++i) mail += "padding and nothing else\r\n";
  EXPECT_THAT(Read(mail + "secretoffer\r\n"), Contains("\"secretoffer\""));
}

TEST(Tokens, AMessageOfNothingHasHardlyAny) { EXPECT_LT(Read("\r\n").size(), 5U); }

}  // namespace
}  // namespace cleanmail::scanner::learning
