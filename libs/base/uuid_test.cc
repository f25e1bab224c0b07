#include "libs/base/uuid.h"

#include <set>

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"

namespace cleanmail::base {
namespace {

TEST(Uuid, IsVersion7AndSortsByTime) {
  FakeClock clock;
  FakeRandom random;
  std::string last;
  for (int i = 0; i < 100; ++i) {
    const std::string id = NewUuid(clock, random);
    EXPECT_TRUE(IsUuid(id)) << id;
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
    EXPECT_LT(last, id);
    last = id;
    clock.Advance(absl::Milliseconds(1));
  }
}

TEST(Uuid, TwoOfOneMomentDiffer) {
  FakeClock clock;
  SystemRandom random;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewUuid(clock, random));
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(Uuid, RefusesWhatIsNone) {
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid("0192F3A0-0000-7000-8000-000000000000"));
  EXPECT_FALSE(IsUuid("0192f3a0-0000-7000-8000-00000000000"));
  EXPECT_FALSE(IsUuid("0192f3a0+0000-7000-8000-000000000000"));
}

}  // namespace
}  // namespace cleanmail::base
