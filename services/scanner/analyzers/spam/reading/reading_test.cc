#include <gtest/gtest.h>

#include "services/scanner/analyzers/spam/reading/addresses.h"
#include "services/scanner/analyzers/spam/reading/dates.h"
#include "services/scanner/analyzers/spam/reading/mail_view.h"

namespace cleanmail::scanner::spam {
namespace {

ReadingSettings Settings() {
  ReadingSettings settings;
  for (const char* domain : {"org", "com", "uk"}) settings.domains.AddTopLevel(domain);
  settings.domains.AddTwoLevel("co.uk");
  return settings;
}

TEST(Addresses, AreReadAsLooselyAsTheyAreWritten) {
  const auto one = ReadAddresses("\"Doe, Jane\" <jane@example.org> (work), joe@example.com (Joe)");
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0].address, "jane@example.org");
  EXPECT_EQ(one[0].phrase, "Doe, Jane ");
  EXPECT_EQ(one[1].address, "joe@example.com");
  EXPECT_EQ(one[1].phrase, "Joe");
  EXPECT_TRUE(ReadAddresses("undisclosed-recipients:;").empty());
  EXPECT_EQ(ReadAddresses("friends: a@example.org, b@example.org;").size(), 2U);
}

TEST(Dates, AreDrawnIntoRange) {
  EXPECT_EQ(ReadMailDate("Thu, 1 Jan 1970 01:00:00 +0100"), 0);
  EXPECT_EQ(ReadMailDate("Sat, 22 Nov 2025 10:00:00 EST"), 1763823600);
  EXPECT_EQ(ReadMailDate("31 Feb 2024 00:00:00 +0000"), ReadMailDate("1 Mar 2024 00:00:00 +0000"));
  EXPECT_FALSE(ReadMailDate("yesterday"));
  EXPECT_EQ(DateInReceived("from a by b; Sat, 22 Nov 2025 10:00:00 +0000"),
            " 22 Nov 2025 10:00:00 +0000");
}

TEST(Domains, KnowWhatIsRegistered) {
  const ReadingSettings settings = Settings();
  EXPECT_EQ(settings.domains.Trimmed("www.shop.example.co.uk"), "example.co.uk");
  EXPECT_EQ(settings.domains.OfUri("http://user@WWW.example.org:8080/x?y")->domain, "example.org");
  EXPECT_FALSE(settings.domains.OfUri("http://localhost/"));
  EXPECT_EQ(settings.domains.Split("A..b.Example.CO.UK.").first, "a.b");
  EXPECT_EQ(settings.domains.Split(".example.org").second, "example.org");
  EXPECT_EQ(settings.domains.Split("").second, "");
  EXPECT_TRUE(IsFullName("_dmarc.a-b.example.org.") && IsFullName("a.b"));
  for (const char* name :
       {"", ".", "org", ".org", "a..org", "-a.org", "a-.org", "a_b.org", "a.o_g", "a b.org"})
    EXPECT_FALSE(IsFullName(name)) << name;
  EXPECT_TRUE(IsIpv4("0.10.200.255"));
  for (const char* ip : {"", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.256", "01.2.3.4", "1..2.3",
                         "1.2.3.4444", "1.2.3.4 "})
    EXPECT_FALSE(IsIpv4(ip)) << ip;
  EXPECT_TRUE(IsPrivateIp("192.168.1.2") && IsPrivateIp("::1") && !IsPrivateIp("8.8.8.8"));
}

TEST(Received, TellsFormsOfServersApart) {
  const auto postfix = ReadReceived(
      "from helo.example (rdns.example.org [192.0.2.1]) by mx.example.com (Postfix) with ESMTP id "
      "4X; "
      "Sat, 22 Nov 2025 10:00:00 +0000");
  ASSERT_EQ(postfix.kind, ReceivedKind::kRelay);
  EXPECT_EQ(postfix.relay.helo, "helo.example");
  EXPECT_EQ(postfix.relay.rdns, "rdns.example.org");
  EXPECT_EQ(postfix.relay.ip, "192.0.2.1");
  EXPECT_EQ(postfix.relay.by, "mx.example.com");
  const auto unknown =
      ReadReceived("from h (unknown [192.0.2.1]) by mx.example.com (Postfix) with SMTP id 1");
  EXPECT_TRUE(unknown.relay.no_reverse_dns);
  EXPECT_EQ(ReadReceived("by mx.example.com with LMTP").kind, ReceivedKind::kNoHandover);
  EXPECT_EQ(ReadReceived("from gibberish").kind, ReceivedKind::kUnreadable);
  const auto signed_in = ReadReceived(
      "from [192.0.2.9] (host.example [192.0.2.9]) by smtp.example.com with ESMTPSA id 7");
  EXPECT_EQ(signed_in.relay.auth, "ESMTPSA");
}

TEST(Received, TrustEndsAtTheFirstStranger) {
  const std::vector<std::string> lines = {
      "from inner (inner [10.0.0.1]) by mx (Postfix) with ESMTP id 1",
      "from stranger (s.example.org [198.51.100.1]) by inner (Postfix) with ESMTP id 2",
      "from liar (liar [10.0.0.2]) by stranger (Postfix) with ESMTP id 3"};
  const Relays relays = ReadRelays(lines, {}, {});
  ASSERT_EQ(relays.trusted.size(), 1U);
  ASSERT_EQ(relays.untrusted.size(), 2U);
  EXPECT_EQ(relays.untrusted[0].ip, "198.51.100.1");
}

TEST(Received, WhatStandsAboveTheKnownClientIsOurs) {
  const std::vector<std::string> lines = {
      "from gw.example (gw.example [198.51.100.1]) by mx (Postfix) with ESMTP id 1",
      "from stranger (s.example.org [203.0.113.5]) by gw.example (Postfix) with ESMTP id 2",
      "from liar (liar [203.0.113.6]) by stranger (Postfix) with ESMTP id 3"};
  EXPECT_EQ(ReadRelays(lines, {}, {}).untrusted.size(), 3U);
  const Relays relays = ReadRelays(lines, {}, {}, "203.0.113.5");
  ASSERT_EQ(relays.trusted.size(), 1U);
  EXPECT_EQ(relays.trusted[0].ip, "198.51.100.1");
  EXPECT_EQ(relays.internal.size(), 1U);
  EXPECT_EQ(relays.untrusted[0].ip, "203.0.113.5");
  EXPECT_EQ(ReadRelays(lines, {}, {}, "192.0.2.1").untrusted.size(), 3U) << "nobody names it";
}

TEST(Html, ShowsTextAndWhatHidesIt) {
  const HtmlPage page =
      ReadHtmlPage({"<html><body><p>Hello<br/>there</p><a href='/x'>click</a>"
                    "<font color=white>secret</font><b>b&#252;y</b><script>no()</script></body>",
                    false},
                   120);
  EXPECT_NE(page.text.utf8.find("Hello\nthere"), std::string::npos);
  EXPECT_EQ(page.text.utf8.find("no()"), std::string::npos);
  EXPECT_EQ(page.numbers.at("font_low_contrast"), 1);
  EXPECT_EQ(page.inside.at("html"), 1);
  EXPECT_EQ(page.links.count("/x"), 1U);
  EXPECT_EQ(page.links.at("/x").anchor_texts.front(), "click");
}

TEST(Html, ResolvesReferences) {
  EXPECT_EQ(ResolveReference("http://a.example/b/", "../c?d"), "http://a.example/c?d");
  EXPECT_EQ(ResolveReference("", "//www.example.org/x"), "http://www.example.org/x");
}

TEST(Uris, AreFoundInTextAndMadePlain) {
  const ReadingSettings settings = Settings();
  const std::vector<regex::Regex> none;
  UriCollector collector(settings.domains, none);
  collector.AddFromText(
      "see (http://Example.org/a%62c). or shop.example.com and mail joe@example.org! x.notld");
  const UriDetails& found = collector.details();
  EXPECT_EQ(found.count("http://Example.org/a%62c"), 1U);
  EXPECT_EQ(found.at("http://Example.org/a%62c").cleaned.count("http://Example.org/abc"), 1U);
  EXPECT_EQ(found.count("http://shop.example.com"), 1U);
  EXPECT_EQ(found.count("mailto:joe@example.org"), 1U);
  EXPECT_EQ(found.size(), 3U);
}

TEST(Uris, SeeThroughNumbersAndRedirectors) {
  const ReadingSettings settings = Settings();
  const auto forms =
      CanonicalForms("http://3221226219/?u=http://evil.example.com/x", settings.domains, {});
  EXPECT_EQ(forms.count("http://192.0.2.235/?u=http://evil.example.com/x"), 1U);
  EXPECT_EQ(forms.count("http://evil.example.com/x"), 1U);
}

constexpr char kMail[] =
    "Received: from c (c.example.org [192.0.2.7]) by mx (Postfix) with ESMTP id 1\r\n"
    "From: =?utf-8?q?J=C3=B6rg?= <joerg@mail.example.org>\r\n"
    "Subject: Two\r\n\tlines\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "one =\r\nline\r\n\r\n\r\ntwo\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>three</p>\r\n--b--\r\n";

TEST(MailView, ShowsWhatRulesSee) {
  const ReadingSettings settings = Settings();
  const MailView mail(kMail, settings);
  EXPECT_EQ(mail.GetText("Subject"), "Two lines\n");
  EXPECT_EQ(mail.GetText("From:addr"), "joerg@mail.example.org");
  EXPECT_EQ(mail.GetText("From:name"), "J\xc3\xb6rg");
  EXPECT_EQ(mail.GetText("From:addr:domain"), "example.org");
  EXPECT_NE(mail.GetText("X-Spam-Relays-External").find("rdns=c.example.org"), std::string::npos);
  ASSERT_GE(mail.body().size(), 3U);
  EXPECT_EQ(mail.body()[0], "Two lines\n");
  EXPECT_EQ(mail.body()[1], "one line\n");
  EXPECT_EQ(mail.tree().Leaves().size(), 2U);
  EXPECT_FALSE(mail.tree().has_open_boundary());
}

TEST(MailView, SurvivesWhatIsNoMail) {
  const ReadingSettings settings = Settings();
  for (const std::string& text :
       {std::string(), std::string("\r\n"), std::string("--\r\n"), std::string(100'000, ':'),
        std::string("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n--\r\n")}) {
    const MailView mail(text, settings);
    mail.body();
    mail.rawbody();
    mail.uris();
  }
}

TEST(MailView, T_B3_NestsNoDeeperThanItsLimit) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "Content-Type: message/rfc822\r\n\r\n";
  const ReadingSettings settings = Settings();
  const MailView mail(text + "Subject: deep\r\n\r\nx\r\n", settings);
  EXPECT_LE(mail.tree().AllParts().size(), 30U);
}

}  // namespace
}  // namespace cleanmail::scanner::spam
