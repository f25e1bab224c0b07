#include "libs/mail/mime/header_block.h"

#include <string>

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kOdd =
    "Received: from a\r\n\tby b;  now\r\n"
    "SUBJECT : spaced  \r\n"
    "no field at all\r\n"
    "subject:\tsecond\r\n"
    "X-Bytes: \xff\xfe\r\n"
    "\r\n"
    "body\r\n";

TEST(HeaderBlock, KeepsEveryByte) {
  const auto block = HeaderBlock::Parse(kOdd);
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->ToString() + std::string(kOdd.substr(block->body_offset())), kOdd);
  EXPECT_EQ(kOdd.substr(block->body_offset()), "body\r\n");
}

TEST(HeaderBlock, FindsFieldsInAnyCaseAndUnfoldsThem) {
  const auto block = HeaderBlock::Parse(kOdd);
  EXPECT_EQ(block->Find("received")->value(), "from a\tby b;  now");
  EXPECT_EQ(block->Find("Subject")->value(), "spaced");
  EXPECT_EQ(block->Find("Subject")->raw_value(), " spaced  ");
  EXPECT_EQ(block->Count("subject"), 2u);
  EXPECT_EQ(block->Find("no field at all"), nullptr);
  EXPECT_EQ(block->Find(""), &block->fields()[2]) << "lines that are no field have no name";
}

TEST(HeaderBlock, ChangingOneFieldLeavesTheOthersBytes) {
  auto block = HeaderBlock::Parse(kOdd);
  block->Prepend("X-New", "top");
  block->Append("X-End", "last");
  block->Replace(2, "replaced");
  EXPECT_EQ(block->Remove("X-Bytes"), 1u);
  EXPECT_EQ(block->ToString(),
            "X-New: top\r\n"
            "Received: from a\r\n\tby b;  now\r\n"
            "SUBJECT: replaced\r\n"
            "no field at all\r\n"
            "subject:\tsecond\r\n"
            "X-End: last\r\n\r\n");
}

TEST(HeaderBlock, StaysValidWhenMoved) {
  auto parsed = HeaderBlock::Parse("A: 1\r\n\r\n");
  parsed->Prepend("B", "2");
  const HeaderBlock moved = *std::move(parsed);
  EXPECT_EQ(moved.Find("b")->value(), "2");
}

TEST(HeaderBlock, RemovesByPrefix) {
  auto block =
      HeaderBlock::Parse("X-Cleanmail-Score: 1\r\nx-CLEANMAIL-x:\r\n y\r\nX-Clean: 2\r\n\r\n");
  EXPECT_EQ(block->RemoveByPrefix("X-Cleanmail-"), 2u);
  EXPECT_EQ(block->ToString(), "X-Clean: 2\r\n\r\n");
}

TEST(HeaderBlock, T_A12_AValueCannotAddAField) {
  auto block = HeaderBlock::Parse("A: 1\r\n\r\n");
  block->Append("B", "x\r\nBcc: evil@example.org\nC: 1\r D\x7f\r\n folded\r\n");
  EXPECT_EQ(block->Find("B")->raw, "B: xBcc: evil@example.orgC: 1 D\r\n folded\r\n");
  EXPECT_EQ(HeaderBlock::Parse(block->ToString())->fields().size(), 2u);
}

TEST(HeaderBlock, TakesHeadersWithoutBodyAndWithoutEnd) {
  EXPECT_EQ(HeaderBlock::Parse("")->ToString(), "\r\n");
  EXPECT_EQ(HeaderBlock::Parse("\r\nbody")->body_offset(), 2u);
  auto block = HeaderBlock::Parse("A: 1");
  EXPECT_FALSE(block->terminated());
  block->Append("B", "2");
  EXPECT_EQ(block->ToString(), "A: 1\r\nB: 2\r\n\r\n");
}

TEST(HeaderBlock, ReadsLineFeedsOfStoredMail) {
  const auto block = HeaderBlock::Parse("A: 1\n b\nB: 2\n\nbody");
  EXPECT_EQ(block->Find("A")->value(), "1 b");
  EXPECT_EQ(block->body_offset(), 14u);
}

TEST(HeaderBlock, T_A6_IsBounded) {
  std::string many;
  for (int i = 0; i < 20; ++i) many += "A: 1\r\n";
  EXPECT_EQ(HeaderBlock::Parse(many, {.fields = 19}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(HeaderBlock::Parse(many, {.fields = 20}).ok());
  EXPECT_EQ(HeaderBlock::Parse(many, {.bytes = 100}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(HeaderBlock::Parse(std::string(1000, 'x'), {.bytes = 999}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cleanmail::mail::mime
