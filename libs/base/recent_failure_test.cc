#include "libs/base/recent_failure.h"

#include <gtest/gtest.h>

namespace cleanmail::base {
namespace {

TEST(RecentFailure, IsTheLastOneUntilACallGoesWell) {
  RecentFailure failure;
  EXPECT_TRUE(failure.Get().ok());
  failure.Note(absl::UnavailableError("gone"));
  failure.Note(absl::UnavailableError("still gone"));
  EXPECT_EQ(failure.Get(), absl::UnavailableError("still gone"));
  failure.Note(absl::OkStatus());
  EXPECT_TRUE(failure.Get().ok());
}

}  // namespace
}  // namespace cleanmail::base
