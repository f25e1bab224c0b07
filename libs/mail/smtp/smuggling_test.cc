// Every row of testdata/smuggling-sequences.tsv, against our server, and for what goes out against
// our client.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/mail/smtp/client_machine.h"
#include "libs/testing/mail_room.h"

namespace cleanmail::mail::smtp {
namespace {

using testing::MailRoom;

struct Row {
  std::string id, group, where, bytes, must;
  size_t split = 0;
};

std::vector<Row> Rows() {
  std::vector<Row> rows;
  std::ifstream file("libs/mail/smtp/testdata/smuggling-sequences.tsv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    Row row{cells[0], cells[1], cells[2],
            "",       cells[6], cells[5].empty() ? 0 : std::stoul(cells[5])};
    for (size_t i = 0; i + 1 < cells[4].size(); i += 2)
      row.bytes += static_cast<char>(std::stoi(cells[4].substr(i, 2), nullptr, 16));
    rows.push_back(row);
  }
  return rows;
}

constexpr std::string_view kSetUp =
    "EHLO x\r\nMAIL FROM:<a@s.example>\r\nRCPT TO:<b@r.example>\r\n";

// A room that waits for the content of a message.
std::unique_ptr<MailRoom> InData(LineEnds line_ends) {
  auto room = std::make_unique<MailRoom>(ServerOptions{.host_name = "mx", .line_ends = line_ends});
  room->Take(kSetUp);
  EXPECT_EQ(room->Take("DATA\r\n").substr(0, 3), "354");
  return room;
}

void Send(MailRoom& room, const std::string& bytes, size_t split, std::string& out) {
  if (split > 0) {
    out += room.Take(bytes.substr(0, split));
    out += room.Take(bytes.substr(split));
  } else {
    out += room.Take(bytes);
  }
}

// What was sent is still content: it is no end, and the next commands are not carried out.
void ExpectStillContent(const Row& row, LineEnds line_ends, const std::string& before) {
  const auto room = InData(line_ends);
  std::string out = room->Take(before);
  Send(*room, row.bytes, row.split, out);
  out += room->Take("VRFY x\r\nRSET\r\n");
  EXPECT_EQ(out, "") << "an end was seen where none is";
  out += room->Take("\r\n.\r\n");
  const bool refused = row.must.find("refuse") != std::string::npos;
  if (line_ends == LineEnds::kRepair || !refused) {
    EXPECT_EQ(out.substr(0, 3), "250") << out;
    ASSERT_EQ(room->messages().size(), 1u);
    EXPECT_NE(room->messages()[0].content.find("VRFY x\r\nRSET\r\n"), std::string::npos);
  } else {
    EXPECT_EQ(out.substr(0, 10), "550 5.6.11") << out;
    EXPECT_EQ(room->messages().size(), 0u);
  }
}

void ExpectEnd(const Row& row, LineEnds line_ends, const std::string& before,
               const std::string& code) {
  const auto room = InData(line_ends);
  std::string out = room->Take(before);
  Send(*room, row.bytes, row.split, out);
  EXPECT_EQ(out.substr(0, code.size()), code);
  EXPECT_EQ(room->Take("VRFY x\r\n").substr(0, 3), "252") << "what follows is a command again";
}

TEST(Smuggling, T_A1_OnlyCrlfDotCrlfEndsAMessage) {
  int rows = 0;
  for (const Row& row : Rows()) {
    const bool first = row.group == "first-line";
    if (row.group != "end-of-data" && row.group != "chunk-border" && !first) continue;
    SCOPED_TRACE(row.id);
    ++rows;
    const std::string before = first ? "" : "text";
    for (const LineEnds line_ends : {LineEnds::kStrict, LineEnds::kRepair}) {
      if (row.must.starts_with("end of data")) {
        ExpectEnd(row, line_ends, before, "250");
      } else if (row.must.starts_with("refuse: the lone CR")) {
        ExpectEnd(row, line_ends, before, line_ends == LineEnds::kStrict ? "550 5.6.11" : "250");
      } else {
        ExpectStillContent(row, line_ends, before);
      }
    }
  }
  EXPECT_EQ(rows, 68);
}

TEST(Smuggling, T_A1_PlainContentIsKept) {
  const std::pair<const char*, const char*> kept[] = {
      {"eod-crlf-dotdot-crlf", "text\r\n.\r\n"},     {"eod-crlf-dot-space-crlf", "text\r\n \r\n"},
      {"eod-crlf-space-dot-crlf", "text\r\n .\r\n"}, {"eod-crlf-dot-tab-crlf", "text\r\n\t\r\n"},
      {"eod-crlf-dot-x-crlf", "text\r\nx\r\n"},      {"eod-vt", "text\x0b.\x0b"},
      {"eod-nel-utf8", "text\xc2\x85.\xc2\x85"}};
  for (const Row& row : Rows()) {
    for (const auto& [id, content] : kept) {
      if (row.id != id) continue;
      const auto room = InData(LineEnds::kStrict);
      room->Take("text" + row.bytes + "\r\n.\r\n");
      ASSERT_EQ(room->messages().size(), 1u) << id;
      EXPECT_TRUE(room->messages()[0].content.starts_with(content)) << id;
    }
  }
}

TEST(Smuggling, T_A1_BareLineEndsAreRefusedOrRepairedAndNeverSplitCommands) {
  int rows = 0;
  for (const Row& row : Rows()) {
    if (row.group != "bare-line-end") continue;
    SCOPED_TRACE(row.id);
    ++rows;
    if (row.id.ends_with("-command")) {
      MailRoom room({.host_name = "mx"});
      room.Take("EHLO x\r\n");
      const std::string out = room.Take(row.bytes);
      EXPECT_EQ(out.substr(0, 3), "500");
      EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
      continue;
    }
    const auto strict = InData(LineEnds::kStrict);
    const std::string out = strict->Take(row.bytes + (row.id == "crlf-header-only" ? "" : ".\r\n"));
    const bool fine = row.id == "nul-body" || row.id == "crlf-header-only";
    EXPECT_EQ(out.substr(0, 3), fine ? "250" : "550");
    const auto repaired = InData(LineEnds::kRepair);
    repaired->Take(row.bytes + (row.id == "crlf-header-only" ? "" : ".\r\n"));
    ASSERT_EQ(repaired->messages().size(), 1u);
    const std::string& content = repaired->messages()[0].content;
    EXPECT_EQ(std::count(content.begin(), content.end(), '\n'),
              std::count(content.begin(), content.end(), '\r'));
    if (row.id == "nul-body") {
      EXPECT_EQ(content, row.bytes) << "not cut at the NUL";
    }
  }
  EXPECT_EQ(rows, 9);
}

TEST(Smuggling, T_A1_NoSecondTransactionIsCarriedOut) {
  int rows = 0;
  for (const Row& row : Rows()) {
    if (row.group != "smuggled-transaction") continue;
    ++rows;
    for (const LineEnds line_ends : {LineEnds::kStrict, LineEnds::kRepair}) {
      SCOPED_TRACE(row.id);
      const auto room = InData(line_ends);
      std::string out = room->Take("text" + row.bytes);
      EXPECT_EQ(out, "");
      out = room->Take("smuggled\r\n.\r\n");
      EXPECT_EQ(out.substr(0, 3), line_ends == LineEnds::kStrict ? "550" : "250");
      EXPECT_EQ(room->messages().size(), line_ends == LineEnds::kStrict ? 0u : 1u);
      for (const auto& message : room->messages()) EXPECT_EQ(message.sender, "a@s.example");
    }
  }
  EXPECT_EQ(rows, 16);
}

TEST(Smuggling, T_A1_PipeliningRows) {
  std::map<std::string, std::string> bytes;
  for (const Row& row : Rows()) {
    if (row.group == "pipelining") bytes[row.id] = row.bytes;
  }
  ASSERT_EQ(bytes.size(), 10u);
  {
    const auto room = InData(LineEnds::kStrict);
    const std::string out = room->Take("text" + bytes["pipe-after-dot-sync"]);
    EXPECT_EQ(out,
              "250 2.0.0 Ok: queued as 1\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with "
              "<CR><LF>.<CR><LF>\r\n");
  }
  {
    MailRoom room({.host_name = "mx"});
    room.Take(kSetUp);
    EXPECT_EQ(room.Take(bytes["pipe-content-before-354"]).substr(0, 3), "554");
    EXPECT_TRUE(room.closed());
  }
  {
    MailRoom room({.host_name = "mx"});
    room.Take("HELO x\r\n");
    room.Take(bytes["pipe-not-offered"]);
    EXPECT_TRUE(room.machine().improper_pipelining());
  }
  {
    MailRoom room({.host_name = "mx"});
    EXPECT_EQ(room.Take(bytes["pipe-before-banner"]).substr(0, 4), "220 ")
        << "the greeting is never skipped";
  }
  {
    MailRoom room({.host_name = "mx", .offer_starttls = true});
    room.Take("EHLO x\r\n");
    EXPECT_EQ(room.Take(bytes["pipe-after-starttls"]), "220 2.0.0 Ready to start TLS\r\n");
  }
  {
    MailRoom room({.host_name = "mx"});
    room.answers()["nobody@example.org"] = {550, "5.1.1", "No"};
    room.Take("EHLO x\r\nMAIL FROM:<>\r\n");
    EXPECT_EQ(room.Take(bytes["pipe-rcpt-data-all-refused"]),
              "550 5.1.1 No\r\n554 5.5.1 No valid recipients\r\n");
  }
  {
    const auto room = InData(LineEnds::kStrict);
    EXPECT_EQ(room->Take(bytes["pipe-quit-in-data"] + ".\r\n").substr(0, 3), "250");
    EXPECT_EQ(room->messages()[0].content, "QUIT\r\n");
  }
  for (const char* id : {"pipe-bdat-then-data", "pipe-bdat-dot", "pipe-bdat-size-mismatch"}) {
    MailRoom room({.host_name = "mx"});
    room.Take(kSetUp);
    const std::string out = room.Take(bytes[id]);
    if (id == std::string("pipe-bdat-then-data")) {
      EXPECT_NE(out.find("\r\n503"), std::string::npos);
    }
    if (id == std::string("pipe-bdat-size-mismatch")) {
      EXPECT_EQ(out, "");
    }
    if (id == std::string("pipe-bdat-dot")) {
      EXPECT_EQ(room.messages()[0].content, "a\r\n.\r\nb");
    }
  }
}

TEST(Smuggling, T_A1_WhatGoesOutIsCleanWhateverWasStored) {
  int rows = 0;
  for (const Row& row : Rows()) {
    if (row.group == "pipelining") continue;
    ++rows;
    for (const bool chunking : {false, true}) {
      SCOPED_TRACE(row.id);
      MailRoom room({.host_name = "mx"});  // strict: it refuses whatever is not clean
      ClientMachine client({.host_name = "us", .chunking = chunking});
      client.Feed(room.Take(""));
      std::vector<Outcome> outcomes;
      while (outcomes.empty()) {
        const std::string back = room.Take(client.TakeOutput());
        if (!back.empty()) {
          client.Feed(back);
        } else if (client.want() == ClientWant::kTransaction) {
          client.Begin({.sender = "a@s.example", .recipients = {"b@r.example"}});
        } else if (client.want() == ClientWant::kBody) {
          client.Body("text");
          client.Body(row.bytes.substr(0, row.split));
          client.Body(row.bytes.substr(row.split));
          client.Body("\r\nend");
          client.EndBody();
        } else {
          ASSERT_EQ(client.want(), ClientWant::kResult);
          outcomes = client.TakeOutcomes();
        }
      }
      const bool nul_beside_end = row.bytes.find('\0') != std::string::npos && row.id != "nul-body";
      if (nul_beside_end) continue;  // NULs go out as they are; a strict server refuses them
      EXPECT_TRUE(outcomes[0].delivered()) << ToText(outcomes[0].reply);
      ASSERT_EQ(room.messages().size(), 1u);
      EXPECT_TRUE(room.messages()[0].content.ends_with("end\r\n"));
    }
  }
  EXPECT_EQ(rows, 99);
}

}  // namespace
}  // namespace cleanmail::mail::smtp
