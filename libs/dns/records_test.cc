#include "libs/dns/records.h"

#include <gtest/gtest.h>

namespace cleanmail::dns {
namespace {

Answer Read(Type type, const std::string& rdata) {
  Answer answer;
  AddRecord(type, rdata, answer);
  return answer;
}

TEST(Records, AreReadByTheirType) {
  EXPECT_EQ(Read(Type::kA, "\xc0\x02\x03\x01").addresses, std::vector<std::string>{"192.2.3.1"});
  EXPECT_EQ(Read(Type::kAaaa, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\1')
                .addresses,
            std::vector<std::string>{"2001:db8::1"});
  const Answer mx = Read(Type::kMx, std::string("\x00\x0a\x02MX\x07"
                                                "Example\x00",
                                                14));
  ASSERT_EQ(mx.mx.size(), 1u);
  EXPECT_EQ(mx.mx[0].preference, 10);
  EXPECT_EQ(mx.mx[0].exchange, "mx.example");
  EXPECT_EQ(Read(Type::kMx, std::string("\x00\x00\x00", 3)).mx[0].exchange, "");
  EXPECT_EQ(Read(Type::kTxt, "\x03one\x04 two").texts, std::vector<std::string>{"one two"});
  EXPECT_EQ(Read(Type::kPtr, std::string("\x01"
                                         "a\x00",
                                         3))
                .names,
            std::vector<std::string>{"a"});
  EXPECT_EQ(Read(Type::kTlsa, "\x03\x01\x01\xab\xcd").texts,
            std::vector<std::string>{"3 1 1 abcd"});
}

TEST(Records, ThatAreMalformedOrHostileAreLeftOut) {
  EXPECT_TRUE(Read(Type::kA, "123").addresses.empty());
  EXPECT_TRUE(Read(Type::kAaaa, "1234").addresses.empty());
  for (const std::string& name : {std::string("\x03"
                                              "a b\x00",
                                              5),
                                  std::string("\x03"
                                              "a\r\n\x00",
                                              5),
                                  std::string("\x03"
                                              "ab",
                                              3),
                                  std::string("\xc0\x0c", 2),
                                  std::string("\x01"
                                              "a",
                                              2),
                                  std::string("\x01"
                                              "a\x00x",
                                              4),
                                  std::string("\x03"
                                              "a.b\x00",
                                              5)}) {
    EXPECT_TRUE(Read(Type::kPtr, name).names.empty());
    EXPECT_TRUE(Read(Type::kMx, std::string("\0\1", 2) + name).mx.empty());
  }
  EXPECT_TRUE(Read(Type::kPtr, std::string("\0", 1)).names.empty());
  EXPECT_TRUE(Read(Type::kTxt,
                   "\x05"
                   "abc")
                  .texts.empty());
  std::string deep;
  for (int i = 0; i < 200; ++i)
    deep +=
        "\x01"
        "a";
  EXPECT_TRUE(Read(Type::kPtr, deep + '\0').names.empty());
}

TEST(Records, AreBoundedInCountAndSize) {
  Answer answer;
  for (int i = 0; i < 1000; ++i) {
    AddRecord(Type::kA, "\x7f\x01\x01\x01", answer);
    AddRecord(Type::kMx, std::string("\x00\x0a\x00", 3), answer);
    AddRecord(Type::kTxt,
              "\xff" + std::string(255, 'x') + "\xff" + std::string(255, 'x') + "\xff" +
                  std::string(255, 'x'),
              answer);
  }
  EXPECT_EQ(answer.addresses.size(), kMostRecords);
  EXPECT_EQ(answer.mx.size(), kMostRecords);
  EXPECT_LE(answer.texts.size() * 765, kMostTextBytes);
}

TEST(Records, NamesThatCannotBeAskedAreKnown) {
  for (const char* name : {"example.com", "_dmarc.example.com", "a", "xn--bcher-kva.example"})
    EXPECT_TRUE(IsAskable(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a."),
        std::string("a b"), std::string("a\\.b"), std::string(64, 'a'),
        std::string("\xc3\xa9.example"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(IsAskable(name)) << name;
  }
  std::string longest;
  for (int i = 0; i < 130; ++i) longest += "a.";
  EXPECT_FALSE(IsAskable(longest + "a"));
}

}  // namespace
}  // namespace cleanmail::dns
