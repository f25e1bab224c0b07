#include "services/scanner/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/store/blob/fake_blob_store.h"
#include "services/scanner/analyzers/spam/gtube.h"
#include "services/scanner/analyzers/structure/structure.h"

namespace cleanmail::scanner {
namespace {

const blob::BlobName kBody = {.tenant = "acme", .message = "0192f3a0-0000-7000-8000-000000000001"};

// Answers what it is told.
class Told final : public Analyzer {
 public:
  explicit Told(absl::Status status) : status_(std::move(status)) {}
  std::string_view name() const override { return "told"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage&) override {
    if (!status_.ok()) return status_;
    return Findings{};
  }
  absl::Status status_;
};

mail::v1::Message Mail() {
  mail::v1::Message message;
  message.set_id(kBody.message);
  message.set_tenant(kBody.tenant);
  return message;
}

class ScanTest : public ::testing::Test {
 protected:
  Scan With(std::vector<std::unique_ptr<Analyzer>> analyzers) {
    return Scan({.blobs = blobs_, .metrics = metrics_}, std::move(analyzers), limits_, 3);
  }
  template <class T, class... Arguments>
  static std::vector<std::unique_ptr<Analyzer>> One(Arguments&&... arguments) {
    std::vector<std::unique_ptr<Analyzer>> analyzers;
    analyzers.push_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
    return analyzers;
  }
  blob::FakeBlobStore blobs_;
  mail::mime::StructureLimits limits_{.parts = 1000, .depth = 50};
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
};

TEST_F(ScanTest, GtubeScoresFarAboveTheLine) {
  blobs_.Put(kBody, base::Cat("Subject: test\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*",
                              "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"));
  const auto result = With(One<Gtube>()).Run(Mail());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->score, 1000);
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].name(), "GTUBE");
}

TEST_F(ScanTest, ACleanMessageHasNoFindings) {
  blobs_.Put(kBody, "Subject: hello\r\n\r\nHi.\r\n");
  const auto result = With(One<Gtube>()).Run(Mail());
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->findings.empty());
  EXPECT_EQ(result->score, 0);
}

TEST_F(ScanTest, AnEngineThatIsAwayMakesNoFindingHoweverOften) {
  blobs_.Put(kBody, "x");
  Scan scan = With(One<Told>(absl::UnavailableError("away")));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(absl::IsUnavailable(scan.Run(Mail()).status()));
}

TEST_F(ScanTest, AMessageThatMakesAWorkingEngineFailThriceCouldNotBeScanned) {
  blobs_.Put(kBody, "x");
  Scan scan = With(One<Told>(absl::InternalError("crash")));
  EXPECT_TRUE(absl::IsUnavailable(scan.Run(Mail()).status()));
  EXPECT_TRUE(absl::IsUnavailable(scan.Run(Mail()).status()));
  const auto result = scan.Run(Mail());
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].name(), "COULD_NOT_SCAN");
  EXPECT_EQ(result->findings[0].evidence(), "crash");
}

TEST_F(ScanTest, ABodyThatIsGoneIsSaidNotGuessed) {
  const auto result = With(One<Gtube>()).Run(Mail());
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].name(), "BODY_UNREADABLE");
}

TEST_F(ScanTest, T_B3_TooManyPartsAndTooDeepCannotBeCalledClean) {
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 1001; ++i) many += "--b\r\n\r\nx\r\n";
  blobs_.Put(kBody, many + "--b--\r\n");
  const auto result = With(One<Structure>(limits_)).Run(Mail());
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].name(), "TOO_MANY_PARTS");

  std::string deep;
  for (int i = 0; i < 60; ++i)
    deep += base::Cat("Content-Type: multipart/mixed; boundary=b", i, "\r\n\r\n--b", i, "\r\n");
  blobs_.Put(kBody, deep);
  const auto nested = With(One<Structure>(limits_)).Run(Mail());
  ASSERT_TRUE(nested.ok());
  ASSERT_EQ(nested->findings.size(), 1u);
  EXPECT_EQ(nested->findings[0].name(), "TOO_DEEP");
}

}  // namespace
}  // namespace cleanmail::scanner
