#include "services/scanner/analyzers/newsletter/newsletter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

using ::testing::HasSubstr;

mail::v1::Message FromSender(const std::string& sender) {
  mail::v1::Message message;
  message.mutable_envelope()->set_sender(sender);
  return message;
}

// "NAME: evidence", or empty without a finding.
std::string KindOf(const std::string& mail, const std::string& sender = "a@example.org") {
  Newsletter newsletter;
  ParsedMessage message(mail);
  const mail::v1::Message envelope = FromSender(sender);
  message.envelope = &envelope;
  const Findings findings = *newsletter.Analyze(message);
  if (findings.empty()) return "";
  EXPECT_EQ(findings.size(), 1U);
  return findings[0].name() + ": " + findings[0].evidence();
}

TEST(NewsletterTest, MailBetweenPeopleIsNone) {
  EXPECT_EQ(KindOf("From: Ann <ann@example.org>\r\nSubject: Lunch?\r\nIn-Reply-To: <1@x>\r\n\r\n"
                   "At noon. The order of https://menu.example is fine.\r\n"),
            "");
}

TEST(NewsletterTest, C4_OneClickUnsubscribingIsANewsletter) {
  EXPECT_EQ(KindOf("From: News <news@shop.example>\r\nSubject: Spring offers\r\n"
                   "List-Unsubscribe: <https://shop.example/u?1>\r\n"
                   "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello\r\n"),
            "NEWSLETTER: List-Unsubscribe with one click");
}

TEST(NewsletterTest, C4_AMailingWithoutListFieldsIsKnownByItsBody) {
  std::string body;
  for (int i = 0; i < 9; ++i)
    body += base::Cat("<a href='https://shop.example/", i, "'><img src='https://shop.example/", i,
                      ".png'></a>");
  EXPECT_EQ(KindOf(base::Cat("From: News <news@shop.example>\r\nX-Campaign: 7\r\n"
                             "Content-Type: text/html; charset=utf-8\r\n\r\n",
                             body, "<a href='https://shop.example/u'>Vom Newsletter abmelden</a>")),
            "NEWSLETTER: X-Campaign, \"abmelden\", a page of pictures and links");
}

TEST(NewsletterTest, ALinkToUnsubscribeAndPicturesAreOne) {
  std::string body;
  for (int i = 0; i < 9; ++i)
    body += base::Cat("<a href='https://s.example/", i, "'><img src='https://s.example/", i,
                      ".png'></a>");
  const std::string header =
      "From: News <news@s.example>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
  EXPECT_EQ(KindOf(base::Cat(header, body, "<a href='https://s.example/u'>Unsubscribe</a>")),
            "NEWSLETTER: \"unsubscribe\", a page of pictures and links");
  EXPECT_EQ(KindOf(base::Cat(header, "<a href='https://s.example/u'>Unsubscribe</a>")), "");
}

TEST(NewsletterTest, AnUnsubscribeWordAloneIsNoNewsletter) {
  EXPECT_EQ(KindOf("From: Ann <ann@example.org>\r\n\r\nHow do I unsubscribe from "
                   "https://x.example ?\r\n"),
            "");
}

TEST(NewsletterTest, PeoplesListsAreNoNewsletters) {
  EXPECT_EQ(KindOf("From: Ann <ann@example.org>\r\nList-Id: <dev.lists.example>\r\n"
                   "List-Post: <mailto:dev@lists.example>\r\nPrecedence: list\r\n"
                   "List-Unsubscribe: <mailto:dev-leave@lists.example>\r\n\r\nPatch\r\n"),
            "MAILING_LIST: List-Post");
  EXPECT_EQ(KindOf("From: a@b.example\r\nX-Mailman-Version: 2.1\r\nList-Unsubscribe: <x:y>\r\n"
                   "List-Post: NO\r\n\r\n"),
            "MAILING_LIST: X-Mailman-Version");
}

TEST(NewsletterTest, WhatMachinesWriteIsANotification) {
  EXPECT_EQ(KindOf("From: noreply@shop.example\r\nSubject: Your order 17 was shipped\r\n\r\n"),
            "NOTIFICATION: no answers wanted, \"order\" in the subject");
  EXPECT_EQ(KindOf("From: cron@host.example\r\nAuto-Submitted: auto-generated\r\n\r\n"),
            "NOTIFICATION: Auto-Submitted");
  EXPECT_EQ(KindOf("From: ann@example.org\r\nAuto-Submitted: auto-replied (vacation)\r\n\r\n"),
            "NOTIFICATION: an automatic answer");
}

TEST(NewsletterTest, AReceiptOneMayUnsubscribeFromIsStillANotification) {
  EXPECT_THAT(KindOf("From: no-reply@shop.example\r\nSubject: Rechnung 17\r\n"
                     "List-Unsubscribe: <https://shop.example/u>\r\nFeedback-ID: 1\r\n\r\nx\r\n"),
              HasSubstr("NOTIFICATION"));
}

TEST(NewsletterTest, PrecedenceAloneIsBulk) {
  EXPECT_EQ(KindOf("From: office@example.org\r\nPrecedence: bulk\r\n\r\nDear all\r\n"),
            "BULK_MAIL: Precedence");
}

TEST(NewsletterTest, ReportsAreBounces) {
  EXPECT_EQ(KindOf("From: MAILER-DAEMON@mx.example\r\nAuto-Submitted: auto-replied\r\n"
                   "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
                   "--b\r\n\r\nSorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                   "Reporting-MTA: dns;x\r\n--b--\r\n",
                   ""),
            "BOUNCE: multipart/report, delivery-status");
  EXPECT_EQ(KindOf("From: Mailer-Daemon@qmail.example\r\n\r\nHi. This is the qmail-send\r\n", ""),
            "BOUNCE: null sender and MAILER-DAEMON");
  EXPECT_EQ(KindOf("From: postmaster@x.example\r\nSubject: Undeliverable: hi\r\n\r\n", ""),
            "BOUNCE: null sender and MAILER-DAEMON");
  EXPECT_EQ(KindOf("From: Mailer-Daemon@x.example\r\n\r\n", "spammer@x.example"), "")
      << "a name alone anybody can choose";
}

TEST(NewsletterTest, WordsWithinWordsDoNotCount) {
  EXPECT_EQ(KindOf("From: noreply@x.example\r\nSubject: Border decoder\r\n\r\n"),
            "NOTIFICATION: no answers wanted");
}

}  // namespace
}  // namespace cleanmail::scanner
