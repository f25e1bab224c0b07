#include "libs/crypto/hash.h"

#include <gtest/gtest.h>

namespace cleanmail::crypto {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

TEST(Hash, Sha256OfFips180Example) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, HkdfOfRfc5869Case1) {
  EXPECT_EQ(
      Hkdf(std::string(22, '\x0b'), FromHex("000102030405060708090a0b0c"),
           FromHex("f0f1f2f3f4f5f6f7f8f9"), 42),
      FromHex(
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
}

TEST(Hash, HkdfOfRfc5869Case3WithoutSaltAndInfo) {
  EXPECT_EQ(
      Hkdf(std::string(22, '\x0b'), "", "", 42),
      FromHex(
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}

TEST(Hash, EqualityLooksAtLengthAndEveryByte) {
  EXPECT_TRUE(EqualInConstantTime("secret", "secret"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secreT"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secre"));
  EXPECT_TRUE(EqualInConstantTime("", ""));
}

TEST(Hash, WipeEmptiesASecret) {
  std::string secret = "secret";
  Wipe(secret);
  EXPECT_TRUE(secret.empty());
}

// RFC 4231, test case 2; and what has neither key nor text.
TEST(HmacSha256, IsAsPublished) {
  EXPECT_EQ(HmacSha256("Jefe", "what do ya want for nothing?"),
            FromHex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
  EXPECT_EQ(HmacSha256({}, {}),
            FromHex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

TEST(Sha256Stream, PiecesHashAsTheirWhole) {
  Sha256Stream stream;
  stream.Add("a");
  stream.Add("");
  Sha256Stream moved = std::move(stream);
  moved.Add("bc");
  EXPECT_EQ(moved.Finish(), Sha256("abc"));
}

}  // namespace
}  // namespace cleanmail::crypto
