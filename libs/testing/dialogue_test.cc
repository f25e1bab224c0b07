// The runner itself, and every dialogue of tests/dialogues against the pure machine.
#include "libs/testing/dialogue.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "libs/testing/mail_room.h"

namespace cleanmail::testing {
namespace {

using mail::smtp::LineEnds;
using mail::smtp::Reply;

// The cast tests/dialogues/README.md names.
class RoomTransport final : public Transport {
 public:
  explicit RoomTransport(const std::string& listener)
      : room_({.host_name = "mx.example.org",
               .line_ends = listener == "smart_host" ? LineEnds::kRepair : LineEnds::kStrict,
               .offer_starttls = listener == "tls",
               .offer_dsn = listener == "smart_host",
               .message = {.bytes = 100000,
                           .line_bytes = 2000,
                           .header_bytes = 20000,
                           .header_fields = 100}}) {
    room_.answers()["nobody@example.org"] = {550, "5.1.1", "No such user here"};
    room_.answers()["x@elsewhere.example"] = {550, "5.7.1",
                                              "This gateway does not take mail for that domain"};
    out_ = room_.Take("");
  }
  absl::Status Send(std::string_view bytes) override {
    out_ += room_.Take(bytes);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadLine() override {
    const size_t end = out_.find("\r\n");
    if (end == std::string::npos) {
      if (room_.closed()) return absl::OutOfRangeError("the server has closed");
      return absl::DeadlineExceededError("the server says nothing");
    }
    std::string line = out_.substr(0, end);
    out_.erase(0, end + 2);
    return line;
  }
  absl::Status StartTls() override {
    if (!room_.wants_tls())
      return absl::FailedPreconditionError("the server does not wait for TLS");
    room_.Handshake();
    return absl::OkStatus();
  }

 private:
  MailRoom room_;
  std::string out_;
};

TEST(Dialogues, AllHoldAgainstTheMachine) {
  int dialogues = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/dialogues")) {
    if (entry.path().extension() != ".txt") continue;
    SCOPED_TRACE(entry.path().filename());
    std::ifstream file(entry.path());
    const auto dialogue = Dialogue::Parse(std::string(std::istreambuf_iterator<char>(file), {}));
    ASSERT_TRUE(dialogue.ok()) << dialogue.status();
    RoomTransport transport(dialogue->listener);
    EXPECT_EQ(CarryOut(*dialogue, transport), absl::OkStatus());
    ++dialogues;
  }
  EXPECT_GE(dialogues, 15);
}

TEST(Dialogue, SaysWhereItWentWrong) {
  const auto dialogue = Dialogue::Parse("# x\nS: 220 *\nC: NOOP\nS: 251 *\n");
  RoomTransport transport("mx");
  const absl::Status status = CarryOut(*dialogue, transport);
  EXPECT_EQ(status.message(), "line 4: expected \"251 *\", but came \"250 2.0.0 Ok\"");
}

TEST(Dialogue, RefusesLinesThatAreNoStep) {
  EXPECT_FALSE(Dialogue::Parse("Q: x").ok());
  EXPECT_FALSE(Dialogue::Parse("C: \\q").ok());
}

TEST(Matches, KnowsStars) {
  EXPECT_TRUE(Matches("a*c*", "abcd"));
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_FALSE(Matches("a*c", "abcd"));
  EXPECT_FALSE(Matches("abc", "abcd"));
}

}  // namespace
}  // namespace cleanmail::testing
