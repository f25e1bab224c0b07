#include "libs/store/kv/memory_kv_store.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/store/kv/kv_contract_test.h"

namespace cleanmail::kv {
namespace {

class MemoryUnderTest final : public KvStoreUnderTest {
 public:
  KvStore& kv() override { return *kv_; }
  void Wait(absl::Duration duration) override { clock_.Advance(duration); }

 private:
  base::FakeClock clock_;
  std::unique_ptr<KvStore> kv_ = MakeMemoryKvStore(clock_, 1000);
};

INSTANTIATE_TEST_SUITE_P(Memory, KvContract,
                         testing::Values([] { return std::make_unique<MemoryUnderTest>(); }));

TEST(MemoryKvStore, MakesRoomByWhatIsOverThenByWhatWasUsedLongestAgo) {
  base::FakeClock clock;
  auto kv = MakeMemoryKvStore(clock, 3);
  ASSERT_TRUE(kv->Set("short", "1", absl::Seconds(1)).ok());
  ASSERT_TRUE(kv->Set("old", "1", absl::Hours(1)).ok());
  ASSERT_TRUE(kv->Set("used", "1", absl::Hours(1)).ok());
  clock.Advance(absl::Seconds(2));
  ASSERT_TRUE(kv->Set("a", "1", absl::Hours(1)).ok());
  EXPECT_TRUE(kv->Get("old").ok());
  EXPECT_TRUE(kv->Get("used").ok());
  EXPECT_TRUE(kv->Get("a").ok());
  ASSERT_TRUE(kv->Set("b", "1", absl::Hours(1)).ok());
  EXPECT_FALSE(kv->Get("old").ok());
  EXPECT_TRUE(kv->Get("used").ok());
}

}  // namespace
}  // namespace cleanmail::kv
