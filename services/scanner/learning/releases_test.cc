#include "services/scanner/learning/releases.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr char kMail[] = "Subject: Offer\r\n\r\nThe quarterly figures of your favourite shop\r\n";

class ReleasesTest : public ::testing::Test {
 protected:
  ReleasesTest() { blobs_.Put({.tenant = "acme", .message = "m1"}, kMail); }

  static quarantine::v1::MailReleased Released(mail::v1::HoldKind kind,
                                               const std::string& message = "m1") {
    quarantine::v1::MailReleased released;
    released.set_message_id(message);
    released.mutable_message()->set_id(message);
    released.mutable_message()->set_tenant("acme");
    released.set_held_as(kind);
    return released;
  }
  absl::Status Take(const quarantine::v1::MailReleased& released) {
    return OnReleased({*lessons_, blobs_, *log_}, {&released, 1}).at(0);
  }
  int64_t Ham() { return lessons_->StatusOf("acme")->state.ham; }
  int64_t Spam() { return lessons_->StatusOf("acme")->state.spam; }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  base::FakeClock clock_;
  Store store_{*database_};
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  blob::FakeBlobStore blobs_;
  std::unique_ptr<Lessons> lessons_ =
      Lessons::Create(store_, clock_, metrics_, TokenKey{1, 1}, {}).value();
};

TEST_F(ReleasesTest, WhatWasHeldAsSpamIsHamOnceHoweverOftenItComes) {
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM)).ok());
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM)).ok());
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_UNLISTED)).ok());
  EXPECT_EQ(Ham(), 1);
}

TEST_F(ReleasesTest, AMailTaughtAsSpamIsLearntAnew) {
  const std::vector<std::string_view> mails = {kMail};
  ASSERT_TRUE(lessons_->Teach("acme", Kind::kSpam, mails).ok());
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM)).ok());
  EXPECT_EQ(Spam(), 0);
  EXPECT_EQ(Ham(), 1);
}

TEST_F(ReleasesTest, OtherReasonsSayNothing) {
  for (const mail::v1::HoldKind kind :
       {mail::v1::HOLD_KIND_VIRUS, mail::v1::HOLD_KIND_COULD_NOT_SCAN,
        mail::v1::HOLD_KIND_UNDELIVERABLE, mail::v1::HOLD_KIND_UNPROCESSED,
        mail::v1::HOLD_KIND_POLICY, mail::v1::HOLD_KIND_ATTACHMENT})
    EXPECT_TRUE(Take(Released(kind)).ok());
  EXPECT_EQ(Ham(), 0);
}

TEST_F(ReleasesTest, WhatCannotBeLearntFromIsPassedOverAndWhatIsAwayComesAgain) {
  blobs_.Put({.tenant = "acme", .message = "m2"}, "Subject: x\r\n\r\n");
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM, "m2")).ok()) << "no words";
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM, "m3")).ok()) << "no body";
  EXPECT_EQ(Ham(), 0);
  blobs_.FailNext(absl::UnavailableError("the store is away"));
  EXPECT_TRUE(absl::IsUnavailable(Take(Released(mail::v1::HOLD_KIND_SPAM))));
  EXPECT_TRUE(Take(Released(mail::v1::HOLD_KIND_SPAM)).ok());
  EXPECT_EQ(Ham(), 1);
}

}  // namespace
}  // namespace cleanmail::scanner::learning
