#include "services/scanner/learning/token_hash.h"

#include <string>

#include <gtest/gtest.h>

namespace cleanmail::scanner::learning {
namespace {

// Vectors of the reference implementation: bytes 0, 1, 2… under the key 0, 1, 2… 15.
TEST(TokenHash, IsSipHash) {
  constexpr TokenKey kKey = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string bytes;
  EXPECT_EQ(HashOf(kKey, bytes), 0x726fdb47dd0e0e31ULL);
  for (char c = 0; c < 15; ++c) {
    if (c == 8) {
      EXPECT_EQ(HashOf(kKey, bytes), 0x93f5f5799a932462ULL);
    }
    bytes += c;
  }
  EXPECT_EQ(HashOf(kKey, bytes), 0xa129ca6149be45e5ULL);
}

TEST(TokenHash, OfAPairDependsOnTheOrder) {
  EXPECT_NE(HashOfPair(1, 2), HashOfPair(2, 1));
  EXPECT_EQ(HashOfPair(1, 2), HashOfPair(1, 2));
}

}  // namespace
}  // namespace cleanmail::scanner::learning
