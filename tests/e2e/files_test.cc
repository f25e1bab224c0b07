// Files in mail through the whole gateway, looked into by the worker with libclamav in it: what is
// found, and that mail is only late when the worker is killed.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/worker/test_files.h"
#include "services/scanner/worker/worker_for_test.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using scanner::worker::MailWithFile;
using scanner::worker::MakeArchive;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  Files() {
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .scanner = base::Cat("  worker:\n    program: '", scanner::worker::DrillWorker(),
                             "'\n    scratch: /tmp\n    clamav_database: '",
                             signatures_.clamav_folder(), "'\n")});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }
  // What the message's story says of the findings.
  std::string Found(const std::string& mail) {
    const std::string id = gateway_->Accept({"ann@example.org"}, mail)[0];
    gateway_->WaitFor(id, "scanned");
    gateway_->WaitFor(id, "disposed");
    return gateway_->Details(id);
  }

  scanner::worker::TestSignatures signatures_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(Files, T_B10_EicarInAZipInATarInATnefIsHeldAsVirus) {
  const std::string zip = MakeArchive({{"eicar.com", scanner::worker::Eicar()}});
  const std::string tar = MakeArchive({{"inner.zip", zip}}, {.format = "ustar"});
  const auto ids = gateway_->Accept(
      {"ann@example.org"},
      MailWithFile("Hello", "winmail.dat", scanner::worker::MakeTnef("outer.tar", tar),
                   "application/ms-tnef"));
  EXPECT_EQ(gateway_->Hold(ids[0]).kind(), mail::v1::HOLD_KIND_VIRUS);
}

TEST_F(Files, T_B8_EachKindOfFileIsInTheStoryOfItsMessage) {
  EXPECT_THAT(Found(MailWithFile("Password: geheim", "a.zip",
                                 MakeArchive({{"a.txt", "x"}}, {.password = "geheim"}))),
              AllOf(HasSubstr("ENCRYPTED_ARCHIVE"), HasSubstr("ARCHIVE_WITH_PASSWORD_IN_TEXT")));
  EXPECT_THAT(
      Found(MailWithFile("x", "a.doc",
                         scanner::worker::MakeMacroDocument(
                             "Attribute VB_Name = \"M\"\r\nSub AutoOpen()\r\nEnd Sub\r\n"))),
      AllOf(HasSubstr("MACRO_DOCUMENT"), HasSubstr("MACRO_RUNS_ITSELF")));
  EXPECT_THAT(
      Found(MailWithFile("x", "a.png", scanner::worker::MakeQrPng("http://198.51.100.7/login"),
                         "image/png")),
      AllOf(HasSubstr("QR_LINK"), HasSubstr("LINK_ADDRESS")));
}

TEST_F(Files, T_B7_AMessageThatBringsTheWorkerDownIsHeldAndOthersAreDelivered) {
  const std::string bad = gateway_->Accept({"ann@example.org"}, TextMail("x", "DRILL-CRASH"))[0];
  const std::string good = gateway_->Accept({"ann@example.org"}, TextMail("fine"))[0];
  gateway_->WaitFor(good, "delivered");
  EXPECT_EQ(gateway_->Hold(bad).kind(), mail::v1::HOLD_KIND_COULD_NOT_SCAN);
}

}  // namespace
}  // namespace cleanmail::e2e
