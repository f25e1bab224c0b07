#include "services/ingress/intake/intake.h"

#include <mutex>

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/mail/mime/header_block.h"
#include "libs/store/blob/fake_blob_store.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "services/ingress/intake/received.h"

namespace cleanmail::ingress {
namespace {

class IntakeTest : public ::testing::Test {
 protected:
  Arrival To(std::vector<Addressee> recipients) {
    Arrival arrival;
    arrival.session.set_client_address("2001:db8::1");
    arrival.session.set_helo("client.example");
    arrival.session.set_tls("TLSv1.3 TLS_AES_256_GCM_SHA384");
    arrival.protocol = "ESMTPS";
    arrival.recipients = std::move(recipients);
    return arrival;
  }
  absl::StatusOr<Reception::Receipt> Take(const std::string& message, size_t step,
                                          std::vector<Addressee> recipients = {
                                              {"b@r.example", "t"}}) {
    auto reception = intake_.Begin(To(std::move(recipients)));
    EXPECT_TRUE(reception.ok()) << reception.status();
    for (size_t at = 0; at < message.size(); at += step)
      EXPECT_TRUE((*reception)->Append(std::string_view(message).substr(at, step)));
    absl::StatusOr<Reception::Receipt> receipt = absl::UnknownError("no answer");
    (*reception)->Finish([&](absl::StatusOr<Reception::Receipt> answer) {
      receipt = std::move(answer);
    });
    return receipt;
  }

  base::FakeClock clock_;
  base::FakeRandom random_;
  bus::FakeBus bus_;
  blob::FakeBlobStore blobs_;
  Intake intake_{{.host_name = "mx.example.org", .header = {.bytes = 1000, .fields = 10}},
                 blobs_,
                 bus_,
                 clock_,
                 random_};
};

TEST_F(IntakeTest, KeepsTheSameInAnyPieces) {
  const std::string message = "X-Cleanmail-A: 1\r\nSubject: x\r\n\r\nbody\r\n\r\nmore\r\n";
  for (size_t step = 1; step <= message.size(); ++step) {
    const auto receipt = Take(message, step);
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    const std::string body = *blobs_.Read({"t", receipt->ids[0]});
    EXPECT_EQ(receipt->bytes, static_cast<int64_t>(body.size()));
    EXPECT_TRUE(body.ends_with("+0000\r\nSubject: x\r\n\r\nbody\r\n\r\nmore\r\n")) << step << body;
  }
}

TEST_F(IntakeTest, T_C3_ResultsThatClaimToBeOursAreTakenOutAndThoseOfOthersStay) {
  const auto receipt = Take(
      "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a.example\r\n"
      "authentication-results: (x) MX.Example.org. 1;\r\n dkim=pass header.d=a.example\r\n"
      "Authentication-Results: other.example; none\r\n\r\nbody\r\n",
      7);
  EXPECT_TRUE(blobs_.Read({"t", receipt->ids[0]})
                  ->ends_with("+0000\r\nAuthentication-Results: other.example; none\r\n\r\nbody"
                              "\r\n"));
}

TEST_F(IntakeTest, WritesReceivedAsRfc5321Says) {
  const auto receipt = Take("\r\n", 2);
  EXPECT_EQ(*blobs_.Read({"t", receipt->ids[0]}),
            "Received: from client.example ([IPv6:2001:db8::1])\r\n\tby mx.example.org (" +
                TenantMark("t") + ")\r\n\twith ESMTPS id " + receipt->ids[0] +
                "\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\tfor <b@r.example>;\r\n\tTue, 14 Nov "
                "2023 22:13:20 +0000\r\n\r\n");
}

TEST_F(IntakeTest, T_A12_AHostileHeloCannotEndTheLine) {
  const std::string line = MakeReceived({.helo = "evil) by x\r\nBcc: y",
                                         .client_address = "192.0.2.1",
                                         .host_name = "mx",
                                         .tenant = "t",
                                         .protocol = "SMTP",
                                         .id = "1",
                                         .tls = {},
                                         .recipient = {},
                                         .time = absl::UnixEpoch()});
  EXPECT_TRUE(line.starts_with("Received: from evil??by?x??Bcc:?y ([192.0.2.1])\r\n\tby mx "));
  EXPECT_EQ(mail::mime::HeaderBlock::Parse(line)->fields().size(), 1u);
}

TEST_F(IntakeTest, T_A6_AHeaderOverTheLimitsIsRefusedAndNothingKept) {
  std::string message;
  for (int i = 0; i < 11; ++i) message += "A: 1\r\n";
  EXPECT_EQ(Take(message + "\r\n", 7).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Take("A: " + std::string(1000, 'x') + "\r\n\r\n", 500).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(blobs_.size(), 0u);
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(IntakeTest, ALongSubjectIsCutBetweenCharacters) {
  std::string subject = "Subject: ";
  for (int i = 0; i < 300; ++i) subject += "\xc3\xb6";
  ASSERT_TRUE(Take(subject + "\r\n\r\n", 1000).ok());
  EXPECT_EQ(bus_.Events<v1::MailReceived>()[0].message().subject().size(), 400u);
}

TEST_F(IntakeTest, IfOneBodyFailsNoneIsKept) {
  auto reception = intake_.Begin(To({{"a@x", "one"}, {"b@y", "two"}}));
  (*reception)->Append("Subject: x\r\n\r\n");
  blobs_.FailNext(absl::UnavailableError("lost"));
  absl::Status status;
  (*reception)->Finish([&](absl::StatusOr<Reception::Receipt> answer) {
    status = answer.status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(blobs_.size(), 0u);
  EXPECT_TRUE(bus_.records().empty());
}

// A store whose writers take one part and then want to be waited for.
class SlowStore final : public blob::BlobStore {
 public:
  class SlowWriter final : public blob::Writer {
   public:
    explicit SlowWriter(SlowStore& store) : store_(store) {}
    bool Append(std::string_view, absl::AnyInvocable<void() &&> ready) override {
      store_.waiting.push_back(std::move(ready));
      return false;
    }
    void Finish(
        absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<blob::Finished>>) &&>) override {}

   private:
    SlowStore& store_;
  };
  absl::StatusOr<std::unique_ptr<blob::Writer>> Create(const blob::BlobName&) override {
    return std::make_unique<SlowWriter>(*this);
  }
  absl::StatusOr<std::string> Read(const blob::BlobName&) override {
    return absl::NotFoundError("");
  }
  absl::Status Extend(const blob::BlobName&, std::string_view, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status Forget(const blob::BlobName&) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> Sweep() override { return 0; }
  std::vector<absl::AnyInvocable<void() &&>> waiting;
};

TEST_F(IntakeTest, WaitsForEveryWriter) {
  SlowStore slow;
  Intake intake({.host_name = "mx", .header = {}}, slow, bus_, clock_, random_);
  auto reception = intake.Begin(To({{"a@x", "one"}, {"b@y", "two"}}));
  EXPECT_FALSE((*reception)->Append("Subject: x\r\n\r\n"));
  bool ready = false;
  (*reception)->WhenReady([&](bool) { ready = true; });
  std::move(slow.waiting[0])();
  EXPECT_FALSE(ready);
  std::move(slow.waiting[1])();
  EXPECT_TRUE(ready);
  EXPECT_FALSE((*reception)->Append("more"));
  std::move(slow.waiting[2])();
  std::move(slow.waiting[3])();
  ready = false;
  (*reception)->WhenReady([&](bool) { ready = true; });
  EXPECT_TRUE(ready) << "it was ready before it was asked";
}

TEST(TenantMark, TellsNothingAndIsStable) {
  EXPECT_EQ(TenantMark("acme"), TenantMark("acme"));
  EXPECT_NE(TenantMark("acme"), TenantMark("other"));
  EXPECT_EQ(TenantMark("acme").find("acme"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::ingress
