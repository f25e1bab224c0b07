#include "services/scanner/analyzers/links/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kFrom = "From: Shop <news@shop.example.com>\r\n";

std::string Html(std::string_view body, std::string_view header = {}) {
  return base::Cat(kFrom, header, "Content-Type: text/html; charset=utf-8\r\n\r\n", body);
}

Findings Find(const std::string& mail) {
  Links links;
  const ParsedMessage message(mail);
  return *links.Analyze(message);
}

std::vector<std::string> Names(const std::string& mail) {
  std::vector<std::string> names;
  for (const mail::v1::Finding& finding : Find(mail)) names.push_back(finding.name());
  return names;
}

std::string Link(std::string_view target, std::string_view text = "here") {
  return base::Cat("<a href=\"", target, "\">", text, "</a> ");
}

TEST(LinksTest, AnHonestMailSaysNothing) {
  EXPECT_THAT(Names(Html(Link("https://www.shop.example.com/a", "www.example.com") +
                         Link("https://other.org/", "our friends") +
                         Link("mailto:ann@example.com", "ann@example.com"))),
              IsEmpty());
  EXPECT_THAT(Names("From: a@example.com\r\n\r\nSee https://www.example.org/a (it is new).\r\n"),
              IsEmpty());
}

TEST(LinksTest, T_B4_ALinkThatShowsAnotherSiteIsFound) {
  const Findings found = Find(Html(Link("https://evil.org/x", "https://www.bank.com/login")));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name(), "LINK_TEXT_DIFFERS");
  EXPECT_EQ(found[0].evidence(), "www.bank.com is shown, evil.org is meant");
  EXPECT_THAT(Names(Html(Link("https://evil.org/x", "w\u200bww.ba\u00adnk.com"))),
              ElementsAre("LINK_TEXT_DIFFERS"));
}

TEST(LinksTest, AMailingsCounterIsOnlyNoted) {
  const std::string links = Link("https://click.mailer.net/1", "www.partner.com") +
                            Link("https://click.mailer.net/2") + Link("https://click.mailer.net/3");
  EXPECT_THAT(Names(Html(links, "List-Unsubscribe: <https://click.mailer.net/u>\r\n")),
              ElementsAre("LINK_COUNTED"));
  EXPECT_THAT(Names(Html(links)), ElementsAre("LINK_TEXT_DIFFERS"));
}

TEST(LinksTest, LinksOfTheSendersOwnAreOnlyNoted) {
  EXPECT_THAT(Names(Html(Link("https://click.example.com/1", "www.partner.com"))),
              ElementsAre("LINK_COUNTED"));
}

TEST(LinksTest, AddressesPortsAndNamesBeforeAtSignsAreFound) {
  EXPECT_THAT(Names(Html(Link("http://203.0.113.7/login"))), ElementsAre("LINK_ADDRESS"));
  EXPECT_THAT(Names(Html(Link("http://3405803783/login"))), ElementsAre("LINK_ADDRESS"));
  EXPECT_THAT(Names(Html(Link("https://evil.org:8000/"))), ElementsAre("LINK_ODD_PORT"));
  EXPECT_THAT(Names(Html(Link("https://www.bank.com@evil.org/"))), ElementsAre("LINK_USERINFO"));
  EXPECT_THAT(Names(Html(Link("https://ann@host.org/"))), IsEmpty());
}

TEST(LinksTest, T_B4_LettersOfAnotherAlphabetAreFound) {
  EXPECT_THAT(Names(Html(Link("https://xn--80ak6aa92e.com/"))), ElementsAre("LINK_LOOKALIKE"))
      << "all Cyrillic, looks like apple";
  EXPECT_THAT(Names(Html(Link("https://p\u0430ypal.com/"))), ElementsAre("LINK_LOOKALIKE"))
      << "one Cyrillic letter";
  EXPECT_THAT(Names(Html(Link("https://www.müller.de/"))), ElementsAre("LINK_INTERNATIONAL"));
  EXPECT_THAT(Names(Html(Link("https://почта.рф/"))), ElementsAre("LINK_INTERNATIONAL"));
}

TEST(LinksTest, LinksThatHideWhereTheyLeadAreFound) {
  EXPECT_THAT(Names(Html(Link("https://bit.ly/abc"))), ElementsAre("LINK_SHORTENED"));
  EXPECT_THAT(Names(Html(Link("https://www.google.com/url?q=https%3A%2F%2Fevil.org&amp;sa=D"))),
              ElementsAre("LINK_REDIRECTED"));
  EXPECT_THAT(Names(Html(Link("https://a.org/go?url=https://b.org/"))),
              ElementsAre("LINK_LEADS_ON"));
  EXPECT_THAT(Names(Html(Link("https://a.org/go?url=https://www.a.org/"))), IsEmpty());
}

TEST(LinksTest, LinksThatCarryTheirContentAreFound) {
  EXPECT_THAT(Names(Html(Link("data:text/html;base64,PGI+"))), ElementsAre("LINK_CARRIES_CONTENT"));
  EXPECT_THAT(Names(Html(Link("java\tscript:document.write(1)"))),
              ElementsAre("LINK_CARRIES_CONTENT"));
  EXPECT_THAT(Names(Html(Link("javascript:void(0)") + Link("data:image/png;base64,aa"))),
              IsEmpty());
  EXPECT_THAT(Names(Html(Link("file://files.evil.org/share/a.doc"))),
              ElementsAre("LINK_TO_FILE_SERVER"));
}

TEST(LinksTest, HostsMadeToBeMisreadAreFound) {
  EXPECT_THAT(Names(Html(Link("https://www.bank.com.login.evil.org/"))),
              ElementsAre("LINK_NAME_IN_FRONT"));
  EXPECT_THAT(Names(Html(Link(base::Cat("https://", std::string(60, 'a'), ".", std::string(60, 'b'),
                                        ".evil.org/")))),
              ElementsAre("LINK_LONG_HOST"));
}

TEST(LinksTest, AFormThatAsksForAPasswordIsFoundAndWhereItPosts) {
  EXPECT_THAT(Names(Html("<form action='https://evil.org/x'><input name=u><input type=password>"
                         "</form>")),
              UnorderedElementsAre("FORM_ASKS_PASSWORD", "FORM_POSTS_ELSEWHERE"));
  EXPECT_THAT(Names(Html("<form action='https://www.example.com/s'><input name=q></form>")),
              IsEmpty());
}

TEST(LinksTest, PlainTextsAreLookedAtToo) {
  EXPECT_THAT(Names("From: a@example.com\r\n\r\nGo to <http://203.0.113.7/x>, now.\r\n"),
              ElementsAre("LINK_ADDRESS"));
}

TEST(LinksTest, TenThousandLinksAndLongHostsTakeBoundedTime) {
  std::string body;
  for (int i = 0; i < 10'000; ++i)
    body += Link(base::Cat("http://203.0.113.7/", i), "www.bank.com");
  body += Link("http://" + std::string(10'000, 'a') + ".org/", std::string(10'000, 'b'));
  EXPECT_THAT(Names(Html(body)), Contains("LINK_ADDRESS"));
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += base::Cat("://http://x", i, ".org ");
  EXPECT_THAT(Names(base::Cat(kFrom, "\r\n", text)), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
