// Decoder and encoder against each other and against a slow model.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/mail/smtp/content_decoder.h"
#include "libs/mail/smtp/content_encoder.h"

namespace cleanmail::mail::smtp {
namespace {

using namespace std::string_literals;

struct Decoded {
  std::string content;
  std::string rest;
  bool ended = false;
  Violation violation = Violation::kNone;
  int64_t size = 0;
};

Decoded Decode(const std::string& bytes, size_t step, LineEnds line_ends = LineEnds::kStrict,
               MessageLimits limits = {}, Framing framing = Framing::kDots) {
  ContentDecoder decoder(framing, line_ends, limits);
  Decoded result;
  const auto sink = [&](std::string_view part) { result.content += part; };
  for (size_t at = 0; at < bytes.size(); at += step) {
    const std::string piece =
        bytes.substr(at, step);  // a copy of its own, so that asan sees a read beyond it
    std::string_view input = piece;
    if (result.ended) {
      result.rest += input;
      continue;
    }
    result.ended = decoder.Decode(input, sink);
    result.rest += input;
  }
  if (framing == Framing::kChunk) decoder.Finish(sink);
  result.violation = decoder.violation();
  result.size = decoder.size();
  return result;
}

std::string Encode(const std::string& message, size_t step, bool dots = true) {
  ContentEncoder encoder(dots);
  std::string out;
  for (size_t at = 0; at < message.size(); at += step)
    encoder.Encode(std::string_view(message).substr(at, step), out);
  encoder.Finish(out);
  return out;
}

TEST(ContentDecoder, RemovesStuffingAndFindsTheEndInAnyPieces) {
  const std::string bytes = "Subject: x\r\n\r\n..\r\n.a\r\n. \r\n...b\r\n.\r\nQUIT\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    const Decoded decoded = Decode(bytes, step);
    EXPECT_TRUE(decoded.ended);
    EXPECT_EQ(decoded.content, "Subject: x\r\n\r\n.\r\na\r\n \r\n..b\r\n");
    EXPECT_EQ(decoded.rest, "QUIT\r\n");
    EXPECT_EQ(decoded.violation, Violation::kNone);
    EXPECT_EQ(decoded.size, static_cast<int64_t>(decoded.content.size()));
  }
}

TEST(ContentDecoder, PassesContentOnInOnePieceWhereItCan) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "a line of text\r\n";
  ContentDecoder decoder(Framing::kDots, LineEnds::kStrict, {});
  std::string_view input = bytes;
  int calls = 0;
  EXPECT_FALSE(decoder.Decode(input, [&](std::string_view part) {
    ++calls;
    EXPECT_EQ(part.data(), bytes.data());
    EXPECT_EQ(part.size(), bytes.size());
  }));
  EXPECT_EQ(calls, 1);
}

TEST(ContentDecoder, RepairMakesEveryLineEndCrlf) {
  const std::string bytes = "a\nb\rc\r\r\nd\n.\r\ne\r.\rf\n\n.\r\r\n.\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    const Decoded decoded = Decode(bytes, step, LineEnds::kRepair);
    EXPECT_TRUE(decoded.ended) << step;
    EXPECT_EQ(decoded.content, "a\r\nb\r\nc\r\n\r\nd\r\n.\r\ne\r\n.\r\nf\r\n\r\n.\r\n\r\n") << step;
    EXPECT_EQ(decoded.rest, "");
  }
}

TEST(ContentDecoder, ChunksKnowNoDots) {
  const std::string bytes = "a\r\n.\r\n..b\r\n.";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_EQ(Decode(bytes, step, LineEnds::kStrict, {}, Framing::kChunk).content, bytes);
  }
  EXPECT_EQ(Decode("a\r", 1, LineEnds::kStrict, {}, Framing::kChunk).violation,
            Violation::kLineEnds);
  EXPECT_EQ(Decode("a\r", 1, LineEnds::kRepair, {}, Framing::kChunk).content, "a\r\n");
  EXPECT_EQ(Decode("a\nb", 1, LineEnds::kRepair, {}, Framing::kChunk).content, "a\r\nb");
}

TEST(ContentDecoder, NulInsideALineIsContentAndBesideALineEndAViolation) {
  EXPECT_EQ(Decode("te\0xt\r\n.\r\n"s, 3).violation, Violation::kNone);
  EXPECT_EQ(Decode("te\0xt\r\n.\r\n"s, 3).content, "te\0xt\r\n"s);
  for (size_t step = 1; step < 8; ++step) {
    EXPECT_EQ(Decode("text\0\r\n.\r\n"s, step).violation, Violation::kLineEnds);
    EXPECT_EQ(Decode("a\r\n\0text\r\n.\r\n"s, step).violation, Violation::kLineEnds);
    EXPECT_EQ(Decode("a\r\n.\0\r\n.\r\n"s, step).violation, Violation::kLineEnds);
  }
}

TEST(ContentDecoder, T_A6_HoldsItsLimitsAndStillFindsTheEnd) {
  const std::string message = "A: 1\r\nB: 2\r\n c\r\n\r\n" + std::string(50, 'x') + "\r\n.\r\n";
  const auto violation = [&](MessageLimits limits) {
    const Decoded decoded = Decode(message, 5, LineEnds::kStrict, limits);
    EXPECT_TRUE(decoded.ended);
    EXPECT_LE(decoded.content.size(), message.size());
    return decoded.violation;
  };
  EXPECT_EQ(violation({.bytes = 69}), Violation::kTooBig);
  EXPECT_EQ(violation({.bytes = 70, .line_bytes = 50, .header_bytes = 17, .header_fields = 2}),
            Violation::kNone);
  EXPECT_EQ(violation({.line_bytes = 49}), Violation::kLineTooLong);
  EXPECT_EQ(violation({.header_fields = 1}), Violation::kHeaderTooBig);
  EXPECT_EQ(violation({.header_bytes = 11}), Violation::kHeaderTooBig);
}

TEST(ContentEncoder, StuffsDotsAndEndsTheLastLine) {
  EXPECT_EQ(Encode("a\r\n.\r\n..b", 100), "a\r\n..\r\n...b\r\n.\r\n");
  EXPECT_EQ(Encode("", 1), ".\r\n");
  EXPECT_EQ(Encode("a\r\n.", 1, /*dots=*/false), "a\r\n.\r\n");
}

TEST(ContentEncoder, T_A1_WhateverGoesInOneMessageComesOut) {
  std::mt19937 random(1);
  constexpr std::string_view kAlphabet("\r\n.a\0", 5);
  for (int round = 0; round < 20000; ++round) {
    std::string message(random() % 20, ' ');
    for (char& c : message) c = kAlphabet[random() % kAlphabet.size()];
    const std::string sent = Encode(message, 1 + random() % 5);
    for (size_t i = 0; i < sent.size(); ++i) {
      if (sent[i] == '\n') {
        ASSERT_TRUE(i > 0 && sent[i - 1] == '\r');
      }
      if (sent[i] == '\r') {
        ASSERT_TRUE(i + 1 < sent.size() && sent[i + 1] == '\n');
      }
    }
    ASSERT_TRUE(sent == ".\r\n" || sent.ends_with("\r\n.\r\n"));
    ASSERT_EQ(("\r\n" + sent).find("\r\n.\r\n"), sent.size() + 2 - 5) << "the end is the end";
    const Decoded decoded = Decode(sent, 1 + random() % 5, LineEnds::kRepair);
    ASSERT_TRUE(decoded.ended);
    ASSERT_EQ(decoded.content, Encode(message, 100, /*dots=*/false));
  }
}

// The rules said once more, byte by byte and slowly: where the true end is, and whether a strict
// server must refuse.
struct Model {
  size_t end = std::string::npos;  // bytes up to and with the end
  bool offends = false;
};
Model Judge(const std::string& bytes) {
  Model model;
  const std::string all = "\r\n" + bytes;
  const size_t dot = all.find("\r\n.\r\n");
  if (dot != std::string::npos) model.end = dot + 5 - 2;
  const std::string message =
      all.substr(2, dot == std::string::npos ? std::string::npos : dot + 5 - 2);
  for (size_t i = 0; i < message.size(); ++i) {
    const char before = i == 0 ? '\n' : message[i - 1];
    const char after = i + 1 < message.size() ? message[i + 1] : 'x';
    if (message[i] == '\n' && (i == 0 || before != '\r')) model.offends = true;
    if (message[i] == '\r' && after != '\n') model.offends = true;
    if (message[i] == '\0' && (before == '\n' || after == '\r' ||
                               (before == '.' && (i == 1 || message[i - 2] == '\n')))) {
      model.offends = true;
    }
  }
  return model;
}

TEST(ContentDecoder, T_A1_AgreesWithAByteByByteModel) {
  std::mt19937 random(2);
  constexpr std::string_view kAlphabet("\r\n\r\n..a\0", 8);
  for (int round = 0; round < 50000; ++round) {
    std::string bytes(1 + random() % 14, ' ');
    for (char& c : bytes) c = kAlphabet[random() % kAlphabet.size()];
    if (random() % 2) bytes += "\r\n.\r\n";
    bytes += "x";  // so that a CR at the end is known to be bare
    const Model model = Judge(bytes);
    const Decoded decoded = Decode(bytes, 1 + random() % 4);
    ASSERT_EQ(decoded.ended, model.end != std::string::npos) << testing::PrintToString(bytes);
    if (decoded.ended) {
      ASSERT_EQ(decoded.rest, bytes.substr(model.end)) << testing::PrintToString(bytes);
    }
    ASSERT_EQ(decoded.violation != Violation::kNone, model.offends)
        << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace cleanmail::mail::smtp
