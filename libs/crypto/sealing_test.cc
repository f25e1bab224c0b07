#include "libs/crypto/sealing.h"

#include <gtest/gtest.h>

#include "libs/base/fake_random.h"

namespace cleanmail::crypto {
namespace {

const std::string kKey(kKeyBytes, 'k');

std::string Sealed(uint32_t number, bool last, std::string_view plain) {
  ChunkSealer sealer(kKey);
  std::string out;
  sealer.Seal(number, last, plain, out);
  return out;
}

absl::Status Opens(uint32_t number, bool last, std::string_view sealed,
                   std::string_view key = kKey) {
  ChunkOpener opener(key);
  std::string out;
  return opener.Open(number, last, sealed, out);
}

TEST(Wrapping, GivesTheKeyBackInItsContext) {
  base::FakeRandom random;
  const std::string master = NewKey(random), key = NewKey(random);
  const std::string wrapped = Wrap(random, master, key, "tenants/acme");
  EXPECT_EQ(wrapped.find(key), std::string::npos);
  EXPECT_EQ(*Unwrap(master, wrapped, "tenants/acme"), key);
}

TEST(Wrapping, RefusesAnotherContextMasterOrByte) {
  base::FakeRandom random;
  const std::string master = NewKey(random), key = NewKey(random);
  std::string wrapped = Wrap(random, master, key, "tenants/acme");
  EXPECT_EQ(Unwrap(master, wrapped, "tenants/evil").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Unwrap(NewKey(random), wrapped, "tenants/acme").status().code(),
            absl::StatusCode::kDataLoss);
  for (size_t i = 0; i < wrapped.size(); ++i) {
    wrapped[i] ^= 1;
    EXPECT_EQ(Unwrap(master, wrapped, "tenants/acme").status().code(), absl::StatusCode::kDataLoss)
        << i;
    wrapped[i] ^= 1;
  }
  for (size_t length = 0; length < wrapped.size(); ++length) {
    EXPECT_FALSE(Unwrap(master, std::string_view(wrapped).substr(0, length), "tenants/acme").ok())
        << length;
  }
}

TEST(Chunks, ComeBackInOrder) {
  ChunkSealer sealer(kKey);
  ChunkOpener opener(kKey);
  std::string out;
  for (uint32_t i = 0; i < 3; ++i) {
    std::string sealed;
    sealer.Seal(i, i == 2, std::string(1000, static_cast<char>('a' + i)), sealed);
    EXPECT_EQ(sealed.size(), 1000 + kTagBytes);
    ASSERT_TRUE(opener.Open(i, i == 2, sealed, out).ok());
  }
  EXPECT_EQ(out, std::string(1000, 'a') + std::string(1000, 'b') + std::string(1000, 'c'));
}

TEST(Chunks, AnEmptyBodyIsSealedAsWell) { EXPECT_TRUE(Opens(0, true, Sealed(0, true, "")).ok()); }

TEST(Chunks, DoNotOpenAtAnotherPlace) {
  EXPECT_EQ(Opens(1, false, Sealed(0, false, "x")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Opens(256, false, Sealed(1, false, "x")).code(), absl::StatusCode::kDataLoss);
}

TEST(Chunks, ACutOffBodyIsNoticed) {
  EXPECT_EQ(Opens(0, true, Sealed(0, false, "x")).code(), absl::StatusCode::kDataLoss);
}

TEST(Chunks, AnotherKeyOrAChangedByteIsNoticed) {
  std::string sealed = Sealed(0, true, "body");
  EXPECT_EQ(Opens(0, true, sealed, std::string(kKeyBytes, 'x')).code(),
            absl::StatusCode::kDataLoss);
  for (size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= 1;
    EXPECT_EQ(Opens(0, true, sealed).code(), absl::StatusCode::kDataLoss) << i;
    sealed[i] ^= 1;
  }
  EXPECT_EQ(Opens(0, true, "short").code(), absl::StatusCode::kDataLoss);
}

TEST(Chunks, WhatDoesNotOpenAddsNothing) {
  ChunkOpener opener(kKey);
  std::string out = "before";
  std::string sealed = Sealed(0, true, "body");
  sealed[0] ^= 1;
  EXPECT_FALSE(opener.Open(0, true, sealed, out).ok());
  EXPECT_EQ(out, "before");
}

}  // namespace
}  // namespace cleanmail::crypto
