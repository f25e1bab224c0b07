// `cleanmail scan`, the program itself, over a folder of a thousand mails.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "services/scanner/worker/test_files.h"
#include "services/scanner/worker/worker_for_test.h"

namespace cleanmail::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr int kMails = 1000;

struct Ran {
  int code = -1;
  std::string out;
  std::string progress;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Ran RunScan(const std::string& arguments) {
  const std::string out = base::Cat(testing::TempDir(), "/out");
  const std::string err = base::Cat(testing::TempDir(), "/err");
  const int status = std::system(base::Cat("services/allinone/cleanmail scan --without-rules ",
                                           arguments, " > '", out, "' 2> '", err, "'")
                                     .c_str());
  return {.code = WEXITSTATUS(status), .out = ReadAll(out), .progress = ReadAll(err)};
}

// One of eight kinds of mail.
std::string MailOf(int i) {
  switch (i % 8) {
    case 0:
      return "From: News <news@shop.example>\nSubject: Offers\nList-Unsubscribe: <https://s/u>\n"
             "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nHello\n";
    case 1:
      return "From: bot@shop.example\nSubject: Your order\nAuto-Submitted: auto-generated\n\nx\n";
    case 2:
      return "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Undelivered\n\nSorry\n";
    case 3:
      return "From: a@b.example\nList-Id: <l.example>\nList-Post: <mailto:l@l.example>\n\nHi\n";
    case 4:
      return "From: Bank <a@b.example>\nContent-Type: text/html\n\n<a href='http://1.2.3.4/'>"
             "www.bank.com</a><form><input type=password></form>\n";
    case 5:
      return "From: a@b.example\n\n"
             "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n";
    default:
      return base::Cat("From: Ann <ann@example.org>\nSubject: Lunch ", i, "\n\nAt noon?\n");
  }
}

class ScanFilesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = base::Cat(testing::TempDir(), "/mails");
    std::filesystem::create_directories(folder_ + "/sub");
    for (int i = 0; i < kMails; ++i)
      std::ofstream(base::Cat(folder_, i % 2 == 0 ? "/" : "/sub/", i, ".eml")) << MailOf(i);
  }
  static inline std::string folder_;
};

TEST_F(ScanFilesTest, AThousandMailsGetCategoriesReasonsAndProgress) {
  const Ran ran = RunScan(folder_);
  EXPECT_EQ(ran.code, 0) << ran.progress;
  EXPECT_THAT(ran.progress, HasSubstr("scanned 100 of 1000"));
  EXPECT_THAT(ran.progress, HasSubstr("scanned 1000 of 1000"));
  EXPECT_THAT(ran.out, HasSubstr("A newsletter, known by: List-Unsubscribe with one click"));
  for (const char* category : {"newsletter", "notification", "bounce", "bulk", "phishing", "spam"})
    EXPECT_THAT(ran.out, ContainsRegex(base::Cat("\n", category, " +125 +12.5 %")));
  EXPECT_THAT(ran.out, ContainsRegex("\npersonal +250 +25.0 %"));
}

TEST_F(ScanFilesTest, JsonHasFindingsWithAdviceAndTimes) {
  const Ran ran = RunScan(base::Cat("--quiet --output json ", folder_, "/4.eml"));
  const auto json = base::ParseJson(ran.out);
  ASSERT_TRUE(json.ok()) << ran.out;
  const base::Json& mail = json->Find("mails")->items.at(0);
  EXPECT_EQ(mail.TextOf("category"), "phishing");
  EXPECT_NE(mail.Find("milliseconds"), nullptr);
  EXPECT_THAT(std::string(mail.Find("findings")->items.at(0).TextOf("advice")),
              HasSubstr("Do not click"));
  EXPECT_EQ(ran.progress, "");
}

// The worker looks into files as it does for a gateway, with the signatures the configuration
// names.
TEST_F(ScanFilesTest, MalwareWithinArchivesIsCodeTwo) {
  using scanner::worker::MailWithFile;
  using scanner::worker::MakeArchive;
  const scanner::worker::TestSignatures signatures;
  const std::string config = base::Cat(testing::TempDir(), "/config.yaml");
  std::ofstream(config) << "scanner:\n  worker: { scratch: /tmp, clamav_database: '"
                        << signatures.clamav_folder() << "' }\n";
  const std::string folder = base::Cat(testing::TempDir(), "/files");
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/1.eml")
      << MailWithFile("Hello", "a.zip", MakeArchive({{"eicar.com", scanner::worker::Eicar()}}));
  std::ofstream(folder + "/2.eml")
      << MailWithFile("Papers", "b.zip", MakeArchive({{"b.txt", "x"}}, {.password = "geheim"}));
  const Ran ran = RunScan(base::Cat("--details --config ", config, " ", folder));
  EXPECT_EQ(ran.code, 2) << ran.progress;
  EXPECT_THAT(ran.out, HasSubstr("MALWARE"));
  EXPECT_THAT(ran.out, HasSubstr("ENCRYPTED_ARCHIVE"));
}

TEST_F(ScanFilesTest, WhatIsNotThereIsCodeOne) {
  const Ran ran = RunScan("/no/such/folder");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.progress, HasSubstr("there is no file or folder /no/such/folder"));
}

}  // namespace
}  // namespace cleanmail::e2e
