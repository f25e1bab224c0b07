#include "libs/mail/address/shown_domain.h"

#include <gtest/gtest.h>

#include "libs/mail/address/domain.h"

namespace cleanmail::mail::address {
namespace {

TEST(ShownDomainTest, ALabelsAreShownAsTheyAreRead) {
  EXPECT_EQ(ShownDomain("www.xn--mller-kva.example"), "www.müller.example");
  EXPECT_EQ(ShownDomain(*NormalizeDomain("straße.example")), "straße.example");
}

TEST(ShownDomainTest, WhatCannotBeReadStays) {
  EXPECT_EQ(ShownDomain("xn--.example"), "xn--.example");
  EXPECT_EQ(ShownDomain("plain.example."), "plain.example.");
  EXPECT_EQ(ShownDomain(""), "");
  EXPECT_EQ(ShownDomain(std::string(10'000, 'a')).size(), 1000U);
}

}  // namespace
}  // namespace cleanmail::mail::address
