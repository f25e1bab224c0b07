#include "libs/telemetry/log.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cleanmail::telemetry {
namespace {

std::string PathOf(const std::string& name) {
  return std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
}

std::vector<nlohmann::json> Lines(const std::string& path) {
  std::ifstream in(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Log, WritesOneJsonLineAnEvent) {
  const std::string path = PathOf("one.log");
  const auto log = MakeLog(path, Level::kInfo);
  log->Info("message.accepted",
            {{"message", "0190"}, {"size", 4096}, {"score", 2.5}, {"tls", true}});
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["event"], "message.accepted");
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["message"], "0190");
  EXPECT_EQ(lines[0]["size"], 4096);
  EXPECT_EQ(lines[0]["score"], 2.5);
  EXPECT_EQ(lines[0]["tls"], true);
  EXPECT_EQ(lines[0]["time"].get<std::string>().size(), 27u);
}

TEST(Log, HostileTextStaysInItsField) {
  const std::string path = PathOf("hostile.log");
  const auto log = MakeLog(path, Level::kInfo);
  const std::string hostile = "a\"}\r\n{\"event\":\"forged\"\\\x1b[31m\x7f" + std::string(1, '\0') +
                              "\xff\xc0\xaf\xed\xa0\x80 \xc3\xa9";
  log->Info("reply", {{"text", hostile}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["event"], "reply");
  EXPECT_TRUE(lines[0]["text"].get<std::string>().starts_with("a\"}\r\n{\"event\":\"forged\""));
  EXPECT_TRUE(lines[0]["nan"].is_null());
  std::ifstream in(path);
  const std::string raw((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(raw.find('\x1b'), std::string::npos);
}

TEST(Log, AnEndlessTextIsCut) {
  const std::string path = PathOf("long.log");
  MakeLog(path, Level::kInfo)->Info("x", {{"text", std::string(1 << 20, 'x')}});
  EXPECT_LT(Lines(path)[0]["text"].get<std::string>().size(), 20'000u);
}

TEST(Log, WhatIsBelowItsLevelIsNotWritten) {
  const std::string path = PathOf("level.log");
  const auto log = MakeLog(path, Level::kWarning);
  log->Info("quiet");
  log->Error("loud");
  EXPECT_EQ(Lines(path).size(), 1u);
}

TEST(Log, ReopenWritesToANewFile) {
  const std::string path = PathOf("rotate.log");
  const auto log = MakeLog(path, Level::kInfo);
  log->Info("first");
  rename(path.c_str(), (path + ".1").c_str());
  log->Info("still the old file");
  log->Reopen();
  log->Info("new file");
  EXPECT_EQ(Lines(path + ".1").size(), 2u);
  EXPECT_EQ(Lines(path).size(), 1u);
}

TEST(Log, ThreadsDoNotMixTheirLines) {
  const std::string path = PathOf("threads.log");
  const auto log = MakeLog(path, Level::kInfo);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 500; ++j) log->Info("line", {{"text", std::string(100, 'x')}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Lines(path).size(), 2000u);
}

}  // namespace
}  // namespace cleanmail::telemetry
