#include "libs/mail/address/public_suffix.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::address {
namespace {

TEST(PublicSuffixes, FindWhatSomebodyRegistered) {
  const auto& list = PublicSuffixes::Builtin();
  EXPECT_EQ(list.RegistrableDomain("a.b.example.co.uk"), "example.co.uk");
  EXPECT_EQ(list.RegistrableDomain("example.com"), "example.com");
  EXPECT_EQ(list.RegistrableDomain("co.uk"), "");
  EXPECT_EQ(list.RegistrableDomain(""), "");
  EXPECT_EQ(list.RegistrableDomain(".com"), "");
}

TEST(PublicSuffixes, AListMayBeBrought) {
  const auto list = PublicSuffixes::Parse("// mine\nexample\n*.wild.example\n!not.wild.example\n");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->RegistrableDomain("a.b.example"), "b.example");
  EXPECT_EQ(list->RegistrableDomain("a.b.wild.example"), "a.b.wild.example");
  EXPECT_EQ(list->RegistrableDomain("a.not.wild.example"), "not.wild.example");
  EXPECT_FALSE(PublicSuffixes::Parse("").ok());
}

}  // namespace
}  // namespace cleanmail::mail::address
