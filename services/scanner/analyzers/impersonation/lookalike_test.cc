#include "services/scanner/analyzers/impersonation/lookalike.h"

#include <gtest/gtest.h>

#include "libs/mail/address/domain.h"
#include "services/scanner/analyzers/impersonation/names.h"

namespace cleanmail::scanner {
namespace {

Likeness To(std::string_view domain, const std::string& guarded = "acmebank.com") {
  return Resembles(*mail::address::NormalizeDomain(domain), GuardedDomain(guarded));
}

TEST(LookalikeTest, T_B4_LettersThatLookAlikeAreSeen) {
  EXPECT_EQ(To("аcmebank.com"), Likeness::kLookalike) << "a Cyrillic letter";
  EXPECT_EQ(To("acrnebank.com"), Likeness::kLookalike) << "r and n for m";
  EXPECT_EQ(To("goog1e.net", "google.com"), Likeness::kLookalike);
  EXPECT_EQ(To("micr0s0ft.org", "microsoft.com"), Likeness::kLookalike);
  EXPECT_EQ(To("paypai.com", "paypal.com"), Likeness::kLookalike);
  EXPECT_EQ(To("acmébank.com"), Likeness::kLookalike);
}

TEST(LookalikeTest, OneLetterOrAHyphenIsSeen) {
  for (const char* domain : {"acmebnak.com", "acmbank.com", "acmeebank.net", "acnebank.com",
                             "acme-bank.com", "mail.acmebank.com.evil.org"})
    EXPECT_EQ(To(domain), Likeness::kLookalike) << domain;
}

TEST(LookalikeTest, TheSameNameElsewhereIsSimilar) {
  for (const char* domain : {"acmebank.net", "acmebank.co.uk", "acmebank-support.com",
                             "secureacmebank.com", "login-acmebank-online.org"})
    EXPECT_EQ(To(domain), Likeness::kSimilar) << domain;
}

TEST(LookalikeTest, OwnAndStrangeDomainsAreNot) {
  for (const char* domain : {"acmebank.com", "mail.acmebank.com", "example.org", "bank.com",
                             "acme.com", "notacmebanking.com"})
    EXPECT_EQ(To(domain), Likeness::kNone) << domain;
  EXPECT_EQ(To("abd.com", "abc.com"), Likeness::kNone) << "too short to say";
  EXPECT_EQ(To("acne.com", "acme.com"), Likeness::kNone) << "too short for one letter";
}

TEST(LookalikeTest, OneLetterApartIsThat) {
  EXPECT_TRUE(OneLetterApart("abc", "acb"));
  EXPECT_TRUE(OneLetterApart("abc", "abcd"));
  EXPECT_TRUE(OneLetterApart("abc", "xbc"));
  EXPECT_FALSE(OneLetterApart("abc", "abc"));
  EXPECT_FALSE(OneLetterApart("abc", "cba"));
  EXPECT_FALSE(OneLetterApart("abc", "abcde"));
}

TEST(NamesTest, T_B4_NamesThatLookTheSameAreTheSame) {
  const auto muster = NameWords("Hanna Müster");
  for (const char* shown : {"hanna muester x", "Peter Müster"})
    EXPECT_FALSE(ShowsName(NameWords(shown), muster)) << shown;
  for (const char* shown :
       {"Müster, Hanna", "Dr. HANNA Muster", "Hanna P. Müster (CEO)", "H\u200banna M\u00fcster",
        "Наnnа Müster", "𝐇𝐚𝐧𝐧𝐚 Müster", "Hanna Müster via Files"})
    EXPECT_TRUE(ShowsName(NameWords(shown), muster)) << shown;
  EXPECT_FALSE(ShowsName(NameWords("Minutes of Hanna Muster and Peter Muster and others"), muster));
}

TEST(NamesTest, LongNamesTakeBoundedTime) {
  EXPECT_LE(NameWords(std::string(1 << 20, 'a')).size(), 1U);
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "ab" + std::to_string(i) + " ";
  EXPECT_LE(NameWords(many).size(), 50U);
  EXPECT_TRUE(NameWords("\u200b\u200b").empty());
}

}  // namespace
}  // namespace cleanmail::scanner
