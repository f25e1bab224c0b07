#include "libs/mail/smtp/reply.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cleanmail::mail::smtp {
namespace {

TEST(Format, WritesOneLineWithBothCodes) {
  EXPECT_EQ(Format({550, "5.1.1", "No such user"}), "550 5.1.1 No such user\r\n");
}

TEST(Format, WritesSeveralLines) {
  EXPECT_EQ(Format({250, "", "a\nb\nc"}), "250-a\r\n250-b\r\n250 c\r\n");
}

TEST(Format, T_A12_NoControlCharacterGetsOut) {
  EXPECT_EQ(Format({550, "5.1.1", "a\r250 Ok\x1b[0m\x7f\xc3\xa4"}),
            "550 5.1.1 a?250 Ok?[0m???\r\n");
  EXPECT_EQ(ToText({550, "5.1.1", "a\r\nb\tc"}), "550 5.1.1 a? b?c");
}

absl::StatusOr<std::vector<Reply>> ReadAll(std::string_view bytes, size_t step) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view piece = bytes.substr(at, step);
    while (!piece.empty()) {
      auto reply = reader.Read(piece);
      if (!reply.ok()) return reply.status();
      if (*reply) replies.push_back(**reply);
    }
  }
  return replies;
}

TEST(ReplyReader, ReadsRepliesInAnyPieces) {
  for (const size_t step : {1, 2, 3, 7, 1000}) {
    const auto replies =
        ReadAll("220 hi\r\n250-5.1.0 a\r\n250-b\r\n250 5.1.0 c\r\n354\r\n550 5.1.1\r\n", step);
    ASSERT_TRUE(replies.ok()) << replies.status();
    EXPECT_EQ(
        *replies,
        (std::vector<Reply>{
            {220, "", "hi"}, {250, "", "5.1.0 a\nb\n5.1.0 c"}, {354, "", ""}, {550, "5.1.1", ""}}));
  }
}

TEST(ReplyReader, ReadsEnhancedCodesOnlyOfTheSameClass) {
  EXPECT_EQ((*ReadAll("250-2.1.0 a\r\n250 2.1.0 b\r\n", 100))[0], (Reply{250, "2.1.0", "a\nb"}));
  EXPECT_EQ((*ReadAll("450 5.1.0 a\r\n", 100))[0], (Reply{450, "", "5.1.0 a"}));
  EXPECT_EQ((*ReadAll("550 5.1.0000 a\r\n", 100))[0].enhanced, "");
}

TEST(ReplyReader, T_A12_TurnsControlCharactersIntoQuestionMarks) {
  EXPECT_EQ((*ReadAll(std::string("550 a\rb\0c\x1b\r\n", 12), 100))[0].text, "a?b?c?");
}

TEST(ReplyReader, T_A6_RefusesWhatIsNoReplyOrTooLong) {
  for (const std::string& bytes :
       {std::string("hello\r\n"), std::string("\r\n"), std::string("2x0 a\r\n"),
        std::string("250_a\r\n"), std::string("150 a\r\n"), std::string("650 a\r\n"),
        std::string("250-a\r\n251 b\r\n"), "250 " + std::string(3000, 'a')}) {
    EXPECT_FALSE(ReadAll(bytes, 100).ok()) << bytes;
  }
  std::string endless;
  for (int i = 0; i < 101; ++i) endless += "250-x\r\n";
  EXPECT_FALSE(ReadAll(endless, 64).ok());
}

}  // namespace
}  // namespace cleanmail::mail::smtp
