#include "libs/telemetry/trace.h"

#include <gtest/gtest.h>

#include "libs/base/fake_random.h"

namespace cleanmail::telemetry {
namespace {

constexpr std::string_view kValid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Trace, ANewOneIsValidAndUnlikeTheLast) {
  base::FakeRandom random;
  const std::string first = NewTrace(random);
  EXPECT_TRUE(IsTrace(first)) << first;
  EXPECT_NE(first, NewTrace(random));
}

TEST(Trace, AChildKeepsTheTraceAndItsFlags) {
  base::FakeRandom random;
  const std::string child = ChildOf(kValid, random);
  EXPECT_TRUE(IsTrace(child));
  EXPECT_EQ(TraceIdOf(child), TraceIdOf(kValid));
  EXPECT_NE(child, kValid);
  EXPECT_TRUE(child.ends_with("-01"));
}

TEST(Trace, WhatIsNotValidBeginsANewOne) {
  base::FakeRandom random;
  for (const std::string& text :
       {std::string(), std::string("00"), std::string(kValid) + "x",
        std::string(kValid.substr(0, 54)), "01" + std::string(kValid.substr(2)),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736\r00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01"),
        std::string(10'000, '0')}) {
    EXPECT_FALSE(IsTrace(text)) << text;
    EXPECT_EQ(TraceIdOf(text), "");
    EXPECT_TRUE(IsTrace(ChildOf(text, random)));
  }
}

}  // namespace
}  // namespace cleanmail::telemetry
