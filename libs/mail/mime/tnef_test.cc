#include "libs/mail/mime/tnef.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

std::string Number(uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string Attribute(int level, uint32_t id, std::string_view data) {
  return Number(static_cast<uint32_t>(level), 1) + Number(id, 4) +
         Number(static_cast<uint32_t>(data.size()), 4) + std::string(data) + Number(0, 2);
}

std::string Property(uint16_t type, uint16_t id, std::string data) {
  const std::string length = Number(static_cast<uint32_t>(data.size()), 4);
  data.resize((data.size() + 3) / 4 * 4);
  return Number(type, 2) + Number(id, 2) + Number(1, 4) + length + data;
}

std::string Utf16(std::string_view ascii) {
  std::string text;
  for (const char c : ascii) text += std::string{c, '\0'};
  return text;
}

const std::string kBegin = Number(0x223e9f78, 4) + Number(1, 2);
const std::string kNewAttachment = Attribute(2, 0x00069002, std::string(14, '\0'));

TEST(TnefTest, T_B10_FilesAreTakenOutUnderEveryName) {
  const Tnef tnef =
      ReadTnef(kBegin + Attribute(1, 0x0002800c, std::string_view("hello\0", 6)) + kNewAttachment +
               Attribute(2, 0x00018010, std::string_view("LONGNA~1.EXE\0", 13)) +
               Attribute(2, 0x0006800f, "MZ bytes") +
               Attribute(2, 0x00069005,
                         Number(3, 4) + Property(0x1f, 0x3707, Utf16("long name.exe")) +
                             Property(0x03, 0x3705, "").substr(0, 4) + Number(1, 4) +
                             Property(0x1e, 0x370e, "application/x-msdownload")));
  ASSERT_EQ(tnef.files.size(), 1U);
  EXPECT_EQ(tnef.files[0].name, "long name.exe");
  EXPECT_EQ(tnef.files[0].names, (std::vector<std::string>{"long name.exe", "LONGNA~1.EXE"}));
  EXPECT_EQ(tnef.files[0].bytes, "MZ bytes");
  EXPECT_EQ(tnef.files[0].type, "application/x-msdownload");
  EXPECT_EQ(tnef.text, "hello");
  EXPECT_FALSE(tnef.truncated);
}

TEST(TnefTest, T_B10_AMessageWithinIsAStreamOfItsOwn) {
  const std::string inner = kBegin + Attribute(1, 0x0002800c, "inner");
  const Tnef tnef =
      ReadTnef(kBegin + kNewAttachment +
               Attribute(2, 0x00069005,
                         Number(1, 4) + Property(0x0d, 0x3701, std::string(16, 'i') + inner)));
  ASSERT_EQ(tnef.files.size(), 1U);
  EXPECT_TRUE(tnef.files[0].message);
  EXPECT_EQ(ReadTnef(tnef.files[0].bytes).text, "inner");
}

TEST(TnefTest, CompressedRtfIsReadAsItsSpecificationSays) {
  // The example of MS-OXRTFCP §3.1.
  const std::string bytes(
      "\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70"
      "\x67\x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a"
      "\x80\x0f\xa0",
      49);
  EXPECT_EQ(DecompressRtf(bytes, 1000), "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
  EXPECT_EQ(DecompressRtf(bytes, 10).size(), 10U);
}

TEST(TnefTest, CutStreamsAreReadAsFarAsTheyGo) {
  const std::string whole = kBegin + kNewAttachment + Attribute(2, 0x0006800f, "bytes");
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_LE(ReadTnef(std::string_view(whole).substr(0, i)).files.size(), 1U);
  }
  EXPECT_TRUE(ReadTnef(whole.substr(0, whole.size() - 4)).truncated);
  EXPECT_FALSE(IsTnef("no"));
  EXPECT_TRUE(IsTnef(whole));
}

TEST(TnefTest, T_B5_ManyFilesAndHugeSizesStayBounded) {
  std::string many = kBegin;
  for (int i = 0; i < 10'000; ++i) many += kNewAttachment;
  const Tnef tnef = ReadTnef(many);
  EXPECT_EQ(tnef.files.size(), 500U);
  EXPECT_TRUE(tnef.truncated);
  // A compressed text that says it is four gigabytes.
  std::string bomb =
      Number(0xffffffff, 4) + Number(0xffffffff, 4) + Number(0x75465a4c, 4) + Number(0, 4);
  for (int i = 0; i < 100'000; ++i) bomb += std::string("\xff\x00\x0f", 3);
  EXPECT_LE(DecompressRtf(bomb, 1000).size(), 1000U);
}

}  // namespace
}  // namespace cleanmail::mail::mime
