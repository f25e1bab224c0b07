#include "libs/mail/mime/embedded_files.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

TEST(EmbeddedFilesTest, T_B10_UuencodedFilesAreFound) {
  const auto files = FindEmbeddedFiles(
      "Hello,\r\nbegin 644 my file.exe\r\n#0V%T\r\n`\r\nend\r\nbye\r\nbegin 600 b\n#0V%T\nend\n");
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].name, "my file.exe");
  EXPECT_EQ(files[0].bytes, "Cat");
  EXPECT_EQ(files[1].name, "b");
}

TEST(EmbeddedFilesTest, T_B1_WhatSomeProgramsTakeForAFileIsOne) {
  // Without a mode, without an end, with blanks lost at the end of a line.
  EXPECT_EQ(FindEmbeddedFiles("begin  x.exe\n#0V%T\n").at(0).name, "x.exe");
  EXPECT_EQ(FindEmbeddedFiles("begin 644 x\n#0V%T").at(0).bytes, "Cat");
  EXPECT_EQ(FindEmbeddedFiles("begin 644 x\n&0V%T   \nend\n").at(0).bytes.size(), 6U);
  EXPECT_EQ(FindEmbeddedFiles("begin-base64 644 x\nQ2F0\n====\n").at(0).bytes, "Cat");
}

TEST(EmbeddedFilesTest, T_B10_YencIsFound) {
  const auto files =
      FindEmbeddedFiles("=ybegin line=128 size=4 name=c.bin\r\nm\x8b\x9e=}\r\n=yend size=4\r\n");
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].name, "c.bin");
  EXPECT_EQ(files[0].origin, "yenc");
  EXPECT_EQ(files[0].bytes, std::string("Cat\x13", 4));
}

TEST(EmbeddedFilesTest, OrdinaryTextHoldsNone) {
  EXPECT_TRUE(FindEmbeddedFiles("begin with this sentence\nand go on\n").empty());
  EXPECT_TRUE(FindEmbeddedFiles("begin 644 x\nThis is no code.\nend\n").empty());
  EXPECT_TRUE(FindEmbeddedFiles("beginning\n=ybeginner\n").empty());
}

TEST(EmbeddedFilesTest, T_B3_ManyBeginningsTakeLinearTime) {
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += "begin 644 x\n";
  EXPECT_TRUE(FindEmbeddedFiles(many).empty());
  many.clear();
  for (int i = 0; i < 100'000; ++i) many += "begin-base64 644 x\n\n";
  EXPECT_LE(FindEmbeddedFiles(many).size(), 1U);
}

}  // namespace
}  // namespace cleanmail::mail::mime
