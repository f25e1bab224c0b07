#include "services/scanner/analyzers/appearance/appearance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/appearance/signs.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Names(const std::string& header, const std::string& body,
                               const std::string& type = "text/plain") {
  const std::string mail =
      base::Cat(header, "Content-Type: ", type, "; charset=utf-8\r\n\r\n", body);
  const ParsedMessage message(mail);
  Appearance appearance;
  std::vector<std::string> names;
  const Findings findings = *appearance.Analyze(message);
  for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
  return names;
}

constexpr char kAnn[] = "From: Ann <ann@example.org>\r\nSubject: Minutes\r\n";

TEST(AppearanceTest, OfAPlainLetterNothingIsSaid) {
  EXPECT_THAT(Names(kAnn, "Dear Bob,\r\nthe minutes are here: 1,500 euros each.\r\n"), IsEmpty());
}

TEST(AppearanceTest, ASubjectThatShoutsIsPaddedOrHasPicturesIsSaid) {
  const auto of = [](const std::string& subject) {
    return Names(base::Cat("From: a@example.org\r\nSubject: ", subject, "\r\n"), "x");
  };
  EXPECT_THAT(of("MAKE MONEY AT HOME"), ElementsAre("SUBJECT_SHOUTS"));
  EXPECT_THAT(of("Yours now!!"), ElementsAre("SUBJECT_SHOUTS"));
  EXPECT_THAT(of("Lowest rates            xkwq"), ElementsAre("SUBJECT_PADDED"));
  EXPECT_THAT(of("=?utf-8?q?=F0=9F=8E=81_for_you?="), ElementsAre("SUBJECT_PICTURES"));
  EXPECT_THAT(of("b\xFCro"), ElementsAre("HEADER_RAW_BYTES"));
  EXPECT_THAT(of("Re: RFC 5321 and the NDA of ACME"), IsEmpty());
  EXPECT_THAT(of("büro"), IsEmpty());
}

TEST(AppearanceTest, ASenderNobodyCanBeIsSaid) {
  const auto of = [](const std::string& from) {
    return Names(base::Cat("From: ", from, "\r\n"), "x");
  };
  EXPECT_THAT(of("Bank <service@bank>"), ElementsAre("FROM_NO_ADDRESS"));
  EXPECT_THAT(of("\"Bank\" <>"), ElementsAre("FROM_NO_ADDRESS"));
  EXPECT_THAT(of("<le8vuij0j06814@example.com>"), ElementsAre("ADDRESS_RANDOM"));
  EXPECT_THAT(of("Ann <ann@iki.fi>"), IsEmpty());  // under which others register, too
  EXPECT_THAT(of("<ann.2024@example.com>"), IsEmpty());
  EXPECT_THAT(of("<bounce-21986283-1597827694-x@example.com>"), IsEmpty());
}

TEST(AppearanceTest, AGreetingToNobodyIsSaid) {
  EXPECT_THAT(Names(kAnn, "Dear valued customer,\r\n"), ElementsAre("GREETS_NOBODY"));
  EXPECT_THAT(Names(kAnn, "Sehr geehrter Herr Kunde,\r\n"), ElementsAre("GREETS_NOBODY"));
  EXPECT_THAT(Names(kAnn, "Dear Ann, our customer wrote.\r\n"), IsEmpty());
}

TEST(AppearanceTest, ALargeSumIsSaid) {
  EXPECT_EQ(LargeSum("a sum of $6,400,000.00 for you"), "$6,400,000.00");
  EXPECT_EQ(LargeSum("USD 10.5 million"), "USD 10.5 million");
  EXPECT_EQ(LargeSum("€ 500.000,00"), "€ 500.000,00");
  EXPECT_EQ(LargeSum("$99,999.00 and 12,345,678 bytes"), std::nullopt);
  EXPECT_EQ(LargeSum("$ and € and usd"), std::nullopt);
  EXPECT_EQ(LargeSum("$"), std::nullopt);
}

TEST(AppearanceTest, WhereLinksLeadIsSaid) {
  const auto of = [](const std::string& target) {
    return Names(kAnn, base::Cat("<a href=\"", target, "\">x</a>"), "text/html");
  };
  EXPECT_THAT(of("https://www.example.org/x"), IsEmpty());
  EXPECT_THAT(of("https://a.example.net/x"), ElementsAre("LINKS_ELSEWHERE"));
  EXPECT_THAT(of("https://a.b.top/x"), ElementsAre("LINK_ODD_ENDING", "LINKS_ELSEWHERE"));
}

TEST(AppearanceTest, MuchHiddenTextIsSaidAPreviewIsNot) {
  const auto of = [](size_t size) {
    return Names(kAnn, base::Cat("<p>Hello</p><p style=\"display:none\">", std::string(size, 'x')),
                 "text/html");
  };
  EXPECT_THAT(of(500), ElementsAre("HIDDEN_TEXT"));
  EXPECT_THAT(of(100), IsEmpty());
}

TEST(AppearanceTest, AnAttachedPageIsSaid) {
  EXPECT_THAT(Names(base::Cat(kAnn, "Content-Disposition: attachment; filename=\"bill.html\"\r\n"),
                    "x", "text/html"),
              Contains("PAGE_ATTACHED"));
}

TEST(SignsTest, WhateverComesIsRead) {
  for (const std::string_view text : {"", "\xF0", "\xF0\x9F", "$1,", "\xE2\x82", "@", "usd"}) {
    (void)HasPictures(text);
    (void)HasRawBytes(text);
    (void)Shouts(text);
    (void)IsPadded(text);
    (void)IsRandomName(text);
    (void)LargeSum(text);
  }
  EXPECT_TRUE(HasRawBytes("\xF0\x9F"));
  EXPECT_EQ(LargeSum(std::string(100'000, '$')), std::nullopt);
}

}  // namespace
}  // namespace cleanmail::scanner
