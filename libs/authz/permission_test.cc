#include "libs/authz/permission.h"

#include <set>

#include <gtest/gtest.h>

namespace cleanmail::authz {
namespace {

TEST(Permission, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(kLastPermission); ++i)
    EXPECT_TRUE(names.insert(PermissionName(static_cast<Permission>(i))).second) << i;
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Scopes, NoneLetEverythingThroughAndStarsStandForOneHalf) {
  EXPECT_TRUE(ScopesAllow({}, "holds.release"));
  EXPECT_TRUE(ScopesAllow({"holds.*"}, "holds.release"));
  EXPECT_TRUE(ScopesAllow({"tenants.read", "*.release"}, "holds.release"));
  EXPECT_TRUE(ScopesAllow({"*"}, "holds.release"));
  EXPECT_FALSE(ScopesAllow({"*.read"}, "holds.release"));
  EXPECT_FALSE(ScopesAllow({"hold.release"}, "holds.release"));
  EXPECT_FALSE(ScopesAllow({""}, "holds.release"));
}

TEST(Scopes, OneThatLetsNothingThroughIsNone) {
  EXPECT_TRUE(IsScope("holds.release"));
  EXPECT_TRUE(IsScope("*.read"));
  EXPECT_FALSE(IsScope("keys.read"));  // not for people
  EXPECT_FALSE(IsScope("keys.*"));
  EXPECT_FALSE(IsScope("everything"));
  EXPECT_FALSE(IsScope(""));
}

TEST(Scopes, ContainIsAboutWhatTheyLetThrough) {
  EXPECT_TRUE(ScopesContain({}, {"holds.*"}));
  EXPECT_FALSE(ScopesContain({"holds.*"}, {}));
  EXPECT_TRUE(ScopesContain({"holds.*"}, {"holds.read", "holds.release"}));
  EXPECT_FALSE(ScopesContain({"*.read"}, {"holds.*"}));
  EXPECT_TRUE(ScopesContain({"*"}, {}));
}

}  // namespace
}  // namespace cleanmail::authz
