// Messages through a scan with the real worker: what it finds, and that none is lost when processes
// are.
#include <atomic>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/store/blob/fake_blob_store.h"
#include "services/scanner/analyzers/links/links.h"
#include "services/scanner/analyzers/malware/worker_engine.h"
#include "services/scanner/scan.h"
#include "services/scanner/worker/test_files.h"
#include "services/scanner/worker/worker_for_test.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using worker::MailWithFile;
using worker::MakeArchive;

mail::v1::Message Envelope(const blob::BlobName& body) {
  mail::v1::Message message;
  message.set_id(body.message);
  message.set_tenant(body.tenant);
  return message;
}

class WorkerScanTest : public ::testing::Test {
 protected:
  void Start() {
    workers_ = std::make_unique<worker::ScanWorkers>(options_, worker::WorkerEvents{});
    ASSERT_TRUE(worker::WaitReady(*workers_).ok()) << workers_->Health();
    std::vector<std::unique_ptr<Analyzer>> analyzers;
    analyzers.push_back(std::make_unique<WorkerEngine>(*workers_, true, metrics_));
    analyzers.push_back(std::make_unique<Links>());
    scan_ = std::make_unique<Scan>(ScanParts{.blobs = blobs_, .metrics = metrics_},
                                   std::move(analyzers), limits_, 3);
  }
  absl::StatusOr<ScanResult> Scanned(const std::string& message) {
    if (scan_ == nullptr) Start();
    const blob::BlobName body = {.tenant = "acme", .message = base::Cat("m", ++count_)};
    blobs_.Put(body, message);
    return scan_->Run(Envelope(body));
  }
  std::vector<std::string> Names(const std::string& message) {
    const auto result = Scanned(message);
    if (!result.ok()) return {result.status().ToString()};
    std::vector<std::string> names;
    for (const mail::v1::Finding& finding : result->findings) names.push_back(finding.name());
    return names;
  }

  worker::TestSignatures signatures_;
  worker::WorkersOptions options_ = worker::OptionsForTest(signatures_);
  blob::FakeBlobStore blobs_;
  mail::mime::StructureLimits limits_{.parts = 1000, .depth = 50};
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<worker::ScanWorkers> workers_;
  std::unique_ptr<Scan> scan_;
  std::atomic<int> count_ = 0;
};

TEST_F(WorkerScanTest, T_B10_EicarInAZipInATarInATnefIsFound) {
  const std::string zip = MakeArchive({{"eicar.com", worker::Eicar()}});
  const std::string tar = MakeArchive({{"inner.zip", zip}}, {.format = "ustar"});
  const auto result = Scanned(MailWithFile(
      "Hello", "winmail.dat", worker::MakeTnef("outer.tar", tar), "application/ms-tnef"));
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_FALSE(result->findings.empty());
  EXPECT_EQ(result->findings[0].name(), "MALWARE");
  EXPECT_EQ(result->findings[0].analyzer(), "clamav");
  EXPECT_THAT(result->findings[0].evidence(), HasSubstr("Local.EICAR"));
  std::vector<std::string> files;
  for (const mail::v1::Attachment& attachment : result->facts.attachments()) {
    if (!attachment.within().empty()) files.push_back(attachment.within());
  }
  EXPECT_THAT(files, ElementsAre("outer.tar/inner.zip", "outer.tar/inner.zip/eicar.com"));
}

TEST_F(WorkerScanTest, T_B8_AnEncryptedZipWithItsPasswordInTheTextIsOpened) {
  const std::string zip = MakeArchive({{"a.txt", worker::Eicar()}}, {.password = "Rechnung-77"});
  EXPECT_THAT(Names(MailWithFile("Das Passwort lautet: Rechnung-77.", "a.zip", zip)),
              ElementsAre("MALWARE", "ENCRYPTED_ARCHIVE", "ARCHIVE_WITH_PASSWORD_IN_TEXT"));
  EXPECT_THAT(Names(MailWithFile("See the file.", "a.zip", zip)), ElementsAre("ENCRYPTED_ARCHIVE"));
  EXPECT_THAT(Names(MailWithFile("Password by phone.", "a.zip", zip)),
              ElementsAre("ENCRYPTED_ARCHIVE", "ARCHIVE_WITH_PASSWORD_IN_TEXT"));
}

TEST_F(WorkerScanTest, T_B8_AMacroDocumentAndAQrCodeAreFindings) {
  const std::string document =
      worker::MakeMacroDocument("Attribute VB_Name = \"M\"\r\nSub Document_Open()\r\nEnd Sub\r\n");
  EXPECT_THAT(Names(MailWithFile("x", "a.doc", document)),
              ElementsAre("MACRO_DOCUMENT", "MACRO_RUNS_ITSELF"));
  const auto result =
      Scanned(MailWithFile("x", "a.png", worker::MakeQrPng("https://phish.example/"), "image/png"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->findings[0].name(), "QR_LINK");
  EXPECT_THAT(
      Names(MailWithFile("x", "a.png", worker::MakeQrPng("http://198.51.100.7/bank"), "image/png")),
      Contains("LINK_ADDRESS"));
}

TEST_F(WorkerScanTest, NamesTypesAndTextsOfAnyBytesAreTaken) {
  const std::string zip = MakeArchive({{"a\xFF\xFE.txt", "x"}}, {.format = "ustar"});
  EXPECT_THAT(Names(MailWithFile("password \xE4\xF6 \xFF\xFF", "\xC3(\xA9.tar", zip,
                                 "appl\xFFication/\xE9")),
              Not(Contains(HasSubstr("UNAVAILABLE"))));
}

TEST_F(WorkerScanTest, T_B7_AMessageThatBringsTheWorkerDownThriceCouldNotBeScanned) {
  Start();
  const blob::BlobName body = {.tenant = "acme", .message = "bad"};
  blobs_.Put(body, "Subject: x\r\n\r\nDRILL-CRASH\r\n");
  EXPECT_TRUE(absl::IsUnavailable(scan_->Run(Envelope(body)).status()));
  EXPECT_THAT(Names("Subject: x\r\n\r\nHello\r\n"), IsEmpty());
  EXPECT_TRUE(absl::IsUnavailable(scan_->Run(Envelope(body)).status()));
  const auto result = scan_->Run(Envelope(body));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].name(), "COULD_NOT_SCAN");
}

// Scans `messages` on four threads, each again while it has to wait, as the bus does.
class Crowd {
 public:
  Crowd(Scan& scan, blob::FakeBlobStore& blobs, int messages) : scan_(scan) {
    for (int i = 0; i < messages; ++i) {
      const std::string text = i % 3 == 0 ? worker::Eicar() : base::Cat("Hello ", i, " DRILL-SLOW");
      blobs.Put(Name(i), base::Cat("Subject: ", i, "\r\n\r\n", text, "\r\n"));
    }
    for (int t = 0; t < 4; ++t) {
      threads_.emplace_back([this, messages] {
        for (int i = next_++; i < messages; i = next_++) ScanOne(i);
      });
    }
  }
  ~Crowd() { Wait(); }
  void Wait() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  bool done() const { return done_ == 200; }
  std::atomic<int> done_ = 0, wrong_ = 0, could_not_ = 0;

 private:
  static blob::BlobName Name(int i) { return {.tenant = "acme", .message = base::Cat("c", i)}; }
  void ScanOne(int i) {
    while (true) {
      const auto result = scan_.Run(Envelope(Name(i)));
      if (!result.ok()) {
        absl::SleepFor(absl::Milliseconds(10));
        continue;
      }
      const bool found = !result->findings.empty() && result->findings[0].name() == "MALWARE";
      if (!result->findings.empty() && result->findings[0].name() == "COULD_NOT_SCAN")
        ++could_not_;
      else if (found != (i % 3 == 0))
        ++wrong_;
      ++done_;
      return;
    }
  }
  Scan& scan_;
  std::atomic<int> next_ = 0;
  std::vector<std::thread> threads_;
};

TEST_F(WorkerScanTest, T_B9_WorkersKilledAgainAndAgainLoseNoMessageAndPassNone) {
  Start();
  Crowd crowd(*scan_, blobs_, 200);
  int kills = 0;
  while (!crowd.done()) {
    absl::SleepFor(absl::Milliseconds(25));
    if (kills >= 60) continue;
    const std::vector<int> processes = workers_->process_ids();
    // Mostly one that scans; now and then the one that has loaded the engines.
    const size_t victim = kills % 10 == 9 ? 0 : processes.size() - 1;
    if (!processes.empty() && kill(processes[victim], SIGKILL) == 0) ++kills;
  }
  crowd.Wait();
  EXPECT_GT(kills, 20);
  EXPECT_EQ(crowd.done_, 200);
  EXPECT_EQ(crowd.wrong_, 0);
  EXPECT_EQ(crowd.could_not_, 0);
}

TEST_F(WorkerScanTest, T_B9_WorkersThatHangLoseNoMessageAndPassNone) {
  options_.scan_deadline = absl::Milliseconds(500);
  Start();
  Crowd crowd(*scan_, blobs_, 200);
  int stops = 0;
  while (!crowd.done()) {
    const std::vector<int> processes = workers_->process_ids();
    if (stops < 6 && processes.size() > 1 && kill(processes.back(), SIGSTOP) == 0) ++stops;
    absl::SleepFor(absl::Milliseconds(150));
  }
  crowd.Wait();
  EXPECT_EQ(crowd.wrong_, 0);
  EXPECT_EQ(crowd.could_not_, 0);
}

TEST_F(WorkerScanTest, T_B9_AWorkerThatIsAwayForLongMakesMailWaitAndNothingElse) {
  Start();
  kill(workers_->process_ids()[0], SIGSTOP);  // hangs: it is given up and started anew
  for (const int process : workers_->process_ids()) kill(process, SIGSTOP);
  const absl::Time deadline = absl::Now() + absl::Seconds(40);
  std::vector<std::string> names;
  while (absl::Now() < deadline) {
    names = Names(base::Cat("Subject: x\r\n\r\n", worker::Eicar(), "\r\n"));
    if (names == std::vector<std::string>{"MALWARE"}) break;
    EXPECT_THAT(names, ElementsAre(HasSubstr("UNAVAILABLE")));
  }
  EXPECT_THAT(names, ElementsAre("MALWARE"));
}

}  // namespace
}  // namespace cleanmail::scanner
