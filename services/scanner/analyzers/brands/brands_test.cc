#include "services/scanner/analyzers/brands/brands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Names(const std::string& from, const std::string& body) {
  const std::string mail =
      base::Cat("From: ", from, "\r\nContent-Type: text/html; charset=utf-8\r\n\r\n", body);
  const ParsedMessage message(mail);
  Brands brands;
  std::vector<std::string> names;
  const Findings findings = *brands.Analyze(message);
  for (const mail::v1::Finding& finding : findings) names.push_back(finding.name());
  return names;
}

TEST(BrandsTest, ABrandsNameOnAForeignAddressIsSaid) {
  EXPECT_THAT(Names("\"PayPal Service\" <info@shop.example>", "hi"),
              ElementsAre("BRAND_AS_SENDER"));
  EXPECT_THAT(Names("netflix@mail.example", "hi"), ElementsAre("BRAND_AS_SENDER"));
  EXPECT_THAT(Names("=?utf-8?q?W=C3=A9lls_Fargo?= <a@b.example>", "hi"),
              ElementsAre("BRAND_AS_SENDER"));
}

TEST(BrandsTest, TheBrandItselfMayWrite) {
  EXPECT_THAT(Names("\"PayPal\" <service@intl.paypal.com>", "© 2024 PayPal"), IsEmpty());
  EXPECT_THAT(Names("Microsoft Teams <noreply@email.teams.microsoft.com>",
                    "<a href=\"https://outlook.office365.com/x\">x</a>"),
              IsEmpty());
}

TEST(BrandsTest, ABrandInAHostOfAnotherIsSaid) {
  EXPECT_THAT(Names("a@b.example", "<a href=\"https://paypal-login.c.example/\">x</a>"),
              ElementsAre("BRAND_IN_LINK"));
  EXPECT_THAT(Names("a@b.example", "<a href=\"https://www.paypal.com/\">x</a>"), IsEmpty());
}

TEST(BrandsTest, ACopyrightOfABrandUnderAForeignMailIsSaid) {
  EXPECT_THAT(Names("a@b.example", "<p>© 1999-2024 PayPal. All rights reserved"),
              ElementsAre("BRAND_NOTICE"));
}

TEST(BrandsTest, MailThatOnlyTalksOfABrandSaysNothing) {
  EXPECT_THAT(Names("Ann <ann@b.example>", "<p>I paid by PayPal, via Amazon."), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner
