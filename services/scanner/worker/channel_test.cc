#include "services/scanner/worker/channel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/time/clock.h"

namespace cleanmail::scanner::worker {
namespace {

TEST(Channel, PacketsComeWholeInOrderAndWithTheirDescriptor) {
  auto ends = Channel::MakePair();
  ASSERT_TRUE(ends.ok());
  const Descriptor file(memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(write(file.get(), "hello", 5), 5);
  ASSERT_TRUE(ends->first.Send("one", file.get()).ok());
  ASSERT_TRUE(ends->first.Send("two").ok());
  const auto one = ends->second.Receive(absl::InfiniteFuture());
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->bytes, "one");
  char bytes[5] = {};
  EXPECT_EQ(pread(one->descriptor.get(), bytes, 5, 0), 5);
  EXPECT_EQ(std::string(bytes, 5), "hello");
  const auto two = ends->second.Receive(absl::InfiniteFuture());
  EXPECT_EQ(two->bytes, "two");
  EXPECT_FALSE(two->descriptor.open());
}

TEST(Channel, TheLongestPacketGoesThroughAndALongerOneIsRefused) {
  auto ends = Channel::MakePair();
  const std::string longest(Channel::kLongestPacket, 'x');
  ASSERT_TRUE(ends->first.Send(longest).ok());
  EXPECT_EQ(ends->second.Receive(absl::InfiniteFuture())->bytes.size(), longest.size());
  EXPECT_TRUE(absl::IsInvalidArgument(ends->first.Send(longest + "x")));
}

TEST(Channel, AnEndThatIsGoneIsToldFromOneThatIsSilent) {
  auto ends = Channel::MakePair();
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      ends->second.Receive(absl::Now() + absl::Milliseconds(20)).status()));
  ends->first = Channel();
  EXPECT_TRUE(absl::IsUnavailable(ends->second.Receive(absl::InfiniteFuture()).status()));
  EXPECT_TRUE(absl::IsUnavailable(ends->second.Send("x")));
}

}  // namespace
}  // namespace cleanmail::scanner::worker
