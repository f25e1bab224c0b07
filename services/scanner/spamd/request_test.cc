#include "services/scanner/spamd/request.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner::spamd {
namespace {

RequestReader Read(std::string_view bytes, bool end = true, size_t longest = 1000) {
  RequestReader reader(longest);
  reader.Take(bytes);
  if (end) reader.End();
  return reader;
}

TEST(SpamdRequestTest, TakesAMessageOfTheLengthSaid) {
  const RequestReader reader =
      Read("PROCESS SPAMC/1.5\r\nContent-length: 5\r\nUser: ann@example.org\r\n\r\nhello and more",
           false);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.verb(), Verb::kProcess);
  EXPECT_EQ(reader.version(), 5);
  EXPECT_EQ(reader.user(), "ann@example.org");
  EXPECT_EQ(reader.message(), "hello");
}

TEST(SpamdRequestTest, WithoutALengthTheMessageEndsWithTheClientsSide) {
  EXPECT_FALSE(Read("CHECK SPAMC/1.2\n\nhello", false).complete());
  const RequestReader reader = Read("CHECK SPAMC/1.2\n\nhello");
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.message(), "hello");
}

TEST(SpamdRequestTest, PingAndSkipNeedNoMoreThanTheirLine) {
  EXPECT_EQ(Read("PING SPAMC/1.2\r\n", false).verb(), Verb::kPing);
  EXPECT_TRUE(Read("PING SPAMC/1.2\r\n", false).complete());
  EXPECT_TRUE(Read("SKIP SPAMC/1.2\r\n", false).complete());
  EXPECT_FALSE(Read("SKIP SPAMC/1.2", false).complete());
}

TEST(SpamdRequestTest, AnEmptyMessageIsOne) {
  const RequestReader reader = Read("SYMBOLS SPAMC/1.5\r\nContent-length: 0\r\n\r\n", false);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.message(), "");
}

TEST(SpamdRequestTest, WhatIsNoRequestIsSaidSo) {
  for (const std::string_view bytes :
       {"", "\r\n", "HELO you\r\n", "CHECK\r\n\r\n", "CHECK SPAMC/2.0\r\n\r\n",
        "check SPAMC/1.2\r\n", "CHECK SPAMC/1.x\r\n\r\n", "CHECK SPAMC/1.2\r\nno colon\r\n\r\n",
        "CHECK SPAMC/1.2\r\nUser: x", "CHECK SPAMC/1.2\r\nContent-length: -1\r\n\r\n",
        "CHECK SPAMC/1.2\r\nContent-length: 1 0\r\n",
        "CHECK SPAMC/1.2\r\nContent-length: 1\r\nContent-length: 2\r\n\r\nab",
        "CHECK SPAMC/1.2\r\nContent-length: 9\r\n\r\nshort"}) {
    const RequestReader reader = Read(bytes);
    EXPECT_FALSE(reader.complete()) << bytes;
    ASSERT_TRUE(reader.problem().has_value()) << bytes;
    EXPECT_EQ(reader.problem()->code.number, 76) << bytes;
  }
}

TEST(SpamdRequestTest, CompressedMessagesAreNotTaken) {
  EXPECT_EQ(Read("CHECK SPAMC/1.5\r\nCompress: zlib\r\n\r\n", false).problem()->code.number, 69);
}

TEST(SpamdRequestTest, ALongMessageIsRefusedBeforeItComes) {
  const RequestReader said = Read("CHECK SPAMC/1.2\r\nContent-length: 1001\r\n", false);
  ASSERT_TRUE(said.problem().has_value());
  EXPECT_EQ(said.problem()->code.number, 65);
  const RequestReader unsaid =
      Read(base::Cat("CHECK SPAMC/1.2\r\n\r\n", std::string(1001, 'x')), false);
  ASSERT_TRUE(unsaid.problem().has_value());
  EXPECT_EQ(unsaid.message(), "");
}

TEST(SpamdRequestTest, AHeadWithoutEndIsNotKept) {
  RequestReader reader(1000);
  EXPECT_FALSE(reader.Take("CHECK SPAMC/1.5\r\n"));
  int pieces = 0;
  while (!reader.Take("X-More: of the same\r\n")) ASSERT_LT(++pieces, 1000);
  EXPECT_EQ(reader.problem()->code.number, 76);
  RequestReader line(1000);
  while (!line.Take("A long line. ")) ASSERT_LT(++pieces, 2000);
  EXPECT_EQ(line.problem()->code.number, 76);
}

}  // namespace
}  // namespace cleanmail::scanner::spamd
