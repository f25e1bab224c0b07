#include "services/scanner/analyzers/wording/wording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/wording/words.h"

namespace cleanmail::scanner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Names(const std::string& subject, const std::string& body,
                               const std::string& type = "text/plain") {
  const std::string mail = base::Cat("From: a@example.org\r\nSubject: ", subject,
                                     "\r\nContent-Type: ", type, "; charset=utf-8\r\n\r\n", body);
  const ParsedMessage message(mail);
  Wording wording;
  std::vector<std::string> names;
  const Findings findings = *wording.Analyze(message);
  for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
  return names;
}

TEST(WordsTest, AccentsAndOtherFormsOfLettersAreFolded) {
  EXPECT_THAT(FoldedText("Ihr KONTO wurde eingeschränkt © 2024 𝐁𝐚𝐧𝐤").words(),
              ElementsAre("ihr", "konto", "wurde", "eingeschrankt", "copyright", "2024", "bank"));
}

TEST(WordsTest, WhateverComesIsWords) {
  EXPECT_THAT(FoldedText("\xC3").words(), IsEmpty());
  EXPECT_THAT(FoldedText("a\xF0\x9F").words(), ElementsAre("a"));
  EXPECT_EQ(FoldedText(std::string(100'000, 'a')).words().size(), 0U);
}

TEST(WordingTest, AThreatenedAccountThatIsToBeConfirmedIsSaid) {
  EXPECT_THAT(Names("Notice", "Your account has been limited. Confirm it: https://a.example/x"),
              ElementsAre("WORDS_ACCOUNT"));
  EXPECT_THAT(Names("Wichtig",
                    "Ihr Konto wurde gesperrt, bitte bestätigen Sie Ihre Daten auf "
                    "https://a.example/x"),
              ElementsAre("WORDS_ACCOUNT"));
}

TEST(WordingTest, TheSameFarApartOrWithoutALinkSaysNothing) {
  EXPECT_THAT(Names("Notice", "Your account has been limited. Confirm it."), IsEmpty());
  std::string far;
  for (int i = 0; i < 60; ++i) far += "lorem ";
  EXPECT_THAT(Names("x", "The account is here. " + far + "It was locked. " + far +
                             "Please confirm https://a.example"),
              IsEmpty());
}

TEST(WordingTest, BlackmailIsSaidWithoutALink) {
  EXPECT_THAT(Names("I know", "I recorded you by your own webcam. Send 900 in bitcoin."),
              ElementsAre("WORDS_BLACKMAIL"));
}

TEST(WordingTest, APictureWithALinkAndHardlyAnyTextIsSaid) {
  EXPECT_THAT(Names("x", "<a href=\"https://a.example\"><img src=\"cid:1\"></a>", "text/html"),
              ElementsAre("HARDLY_ANY_TEXT"));
}

TEST(WordingTest, LettersInOddFormsAreSaid) {
  EXPECT_THAT(Names("𝐔𝐫𝐠𝐞𝐧𝐭", "hello"), ElementsAre("ODD_LETTERS"));
}

TEST(WordingTest, MailBetweenPeopleSaysNothing) {
  EXPECT_THAT(Names("Lunch?", "At noon? The menu is on https://menu.example, see you there."),
              IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
