#include "services/provisioning/import/imports.h"

#include <thread>

#include <gmock/gmock.h>

#include "libs/base/fake_clock.h"
#include "services/provisioning/import/export.h"
#include "services/provisioning/provisioning_fixture.h"

namespace cleanmail::provisioning::import {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ImportsTest : public ProvisioningFixture {
 protected:
  ImportsTest() {
    EXPECT_TRUE(AddTenant("acme").ok());
    EXPECT_TRUE(AddDomain("acme", "example.org").ok());
  }
  // Runs each job at once, on the caller's thread.
  std::unique_ptr<Imports> Make(Imports::Runner run = [](auto work) { std::move(work)(); }) {
    return std::make_unique<Imports>(*ProvisioningFixture::store_, import_store_, clock_, random_,
                                     *log_, std::move(run));
  }
  Job Import(std::string_view content, bool dry_run = false, Kind kind = Kind::kUsers) {
    const auto job = Make()->Create("acme", kind, content, dry_run);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *import_store_.Get("acme", job->id) : Job();
  }
  std::vector<LineResult> Lines(const Job& job, int outcome = 0) {
    return *import_store_.Lines(job.id, outcome, 0, 1000);
  }
  static std::string Many(int users) {
    std::string content = HeaderLine();
    for (int i = 0; i < users; ++i) {
      content += base::Cat("user", i, "@example.org,User ", i, ",u", i, "@example.org v", i,
                           "@example.org,staff,\r\n");
    }
    return content;
  }

  base::FakeClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  Store import_store_{*database_};
};

TEST_F(ImportsTest, B4_EachLineHasAResultAndASecondRunChangesNothing) {
  const std::string content =
      "address,display_name,aliases,groups\n"
      "ann@example.org,Ann,a@example.org,staff boss\n"
      "bob@example.org,Bob,a@example.org,\n"
      "eve@other.example,Eve,,\n"
      "not an address,x,,\n"
      "=cmd@example.org,x,,Bad Group\n";
  const Job first = Import(content);
  EXPECT_EQ(first.state, State::kSucceeded);
  EXPECT_EQ(first.created, 1);
  EXPECT_EQ(first.failed, 4);
  EXPECT_EQ(first.done, 5);
  const auto lines = Lines(first);
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[0].outcome, Outcome::kCreated);
  EXPECT_THAT(lines[1].message, HasSubstr("aliases[0]: a@example.org is already taken"));
  EXPECT_THAT(lines[2].message, HasSubstr("other.example"));
  EXPECT_EQ(lines[3].line, 5);
  EXPECT_THAT(accounts_->Get<v1::Group>("tenants/acme/groups/boss")->members(),
              ElementsAre("ann@example.org"));
  ASSERT_TRUE(outbox_->Flush().ok());
  const size_t news = bus_.Events<v1::DirectoryChanged>().size();
  const Job second = Import(content);
  EXPECT_EQ(second.unchanged, 1);
  EXPECT_EQ(second.failed, 4);
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_THAT(bus_.Events<v1::DirectoryChanged>(), SizeIs(news));
}

TEST_F(ImportsTest, B4_ADryRunSaysWhatWouldHappenAndChangesNothing) {
  const Job job = Import("address,groups\nann@example.org,staff\nx@other.example,\n", true);
  EXPECT_EQ(job.state, State::kSucceeded);
  EXPECT_EQ(job.created, 1);
  EXPECT_EQ(job.failed, 1);
  EXPECT_THAT(Lines(job), SizeIs(2));
  EXPECT_THAT(accounts_->List<v1::User>({}, "", 10)->items, SizeIs(0));
  EXPECT_THAT(accounts_->List<v1::Group>({}, "", 10)->items, SizeIs(0));
}

TEST_F(ImportsTest, AColumnThatIsNotThereLeavesWhatItNames) {
  Import("address,name,aliases,groups\nann@example.org,Ann,a@example.org,staff\n");
  const Job job = Import("address,name\nann@example.org,Anna\n");
  EXPECT_EQ(job.updated, 1);
  const auto user = accounts_->Get<v1::User>("tenants/acme/users/ann@example.org");
  EXPECT_EQ(user->display_name(), "Anna");
  EXPECT_THAT(user->aliases(), ElementsAre("a@example.org"));
  EXPECT_THAT((*accounts_->GroupsOf({*user}))[0], ElementsAre("staff"));
  const Job out = Import("address,groups\nann@example.org,\n");
  EXPECT_EQ(out.updated, 1);
  EXPECT_THAT((*accounts_->GroupsOf({*user}))[0], SizeIs(0));
}

TEST_F(ImportsTest, WhatIsExportedImportsAgainUnchanged) {
  Import(base::Cat(HeaderLine(), "ann@example.org,'=cmd(),a@example.org,staff,standard\r\n",
                   "bob@example.org,\"B \"\"o\"\", b\",,,\r\n"));
  const auto users = accounts_->List<v1::User>({}, "", 10)->items;
  ASSERT_THAT(users, SizeIs(2));
  EXPECT_EQ(users[0].display_name(), "=cmd()");
  const auto groups = accounts_->GroupsOf(users);
  std::string file = HeaderLine();
  for (size_t i = 0; i < users.size(); ++i) file += ToLine(users[i], (*groups)[i]);
  const Job again = Import(file);
  EXPECT_EQ(again.unchanged, 2);
}

TEST_F(ImportsTest, B2_ObservedAddressesThatAnAccountHasAreLeftAlone) {
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  const std::string content = "address,messages\nann@example.org,3\nold@example.org,7\n";
  const Job job = Import(content, false, Kind::kObserved);
  EXPECT_EQ(job.created, 1);
  EXPECT_EQ(job.unchanged, 1);
  EXPECT_EQ(Import(content, false, Kind::kObserved).unchanged, 2);
  EXPECT_EQ(accounts_->Get<v1::ObservedAddress>("tenants/acme/observedAddresses/old@example.org")
                ->messages(),
            7);
}

TEST_F(ImportsTest, AJobThatWasInterruptedGoesOnWhereItWas) {
  std::string id;
  {
    // A process that stops after a batch or two.
    std::vector<std::thread> threads;
    const auto imports = Make([&](auto work) { threads.emplace_back(std::move(work)); });
    id = imports->Create("acme", Kind::kUsers, Many(2600), false)->id;
    while (import_store_.Get("acme", id)->done == 0) std::this_thread::yield();
    imports->Stop();
    for (std::thread& thread : threads) thread.join();
  }
  const Job stopped = *import_store_.Get("acme", id);
  ASSERT_EQ(stopped.state, State::kRunning);
  ASSERT_LT(stopped.done, 2600);
  const auto imports = Make();
  ASSERT_TRUE(imports->Resume().ok());
  const Job job = *import_store_.Get("acme", id);
  EXPECT_EQ(job.state, State::kSucceeded);
  EXPECT_EQ(job.created, 2600);
  EXPECT_EQ(job.done, 2600);
  EXPECT_EQ(accounts_->Get<v1::Group>("tenants/acme/groups/staff")->members_size(), 2600);
}

TEST_F(ImportsTest, ACancelledJobRunsNoFurtherAndEndedOnesAreForgottenAfterAMonth) {
  std::vector<absl::AnyInvocable<void() &&>> later;
  const auto imports = Make([&](auto work) { later.push_back(std::move(work)); });
  const auto job = imports->Create("acme", Kind::kUsers, Many(3), false);
  ASSERT_TRUE(imports->Cancel("acme", job->id).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(imports->Cancel("acme", job->id).status()));
  for (auto& work : later) std::move(work)();
  EXPECT_EQ(import_store_.Get("acme", job->id)->state, State::kCancelled);
  EXPECT_THAT(accounts_->List<v1::User>({}, "", 10)->items, SizeIs(0));
  clock_.Advance(absl::Hours(31 * 24));
  imports->Forget();
  EXPECT_TRUE(absl::IsNotFound(import_store_.Get("acme", job->id).status()));
}

TEST_F(ImportsTest, T_D8_AnImportIsNotFoundUnderAnotherTenant) {
  ASSERT_TRUE(AddTenant("other").ok());
  const Job job = Import("address\nann@example.org\n");
  EXPECT_TRUE(absl::IsNotFound(import_store_.Get("other", job.id).status()));
  EXPECT_TRUE(absl::IsNotFound(import_store_.Delete("other", job.id)));
  EXPECT_TRUE(absl::IsNotFound(Make()->Cancel("other", job.id).status()));
}

TEST_F(ImportsTest, B4_TenThousandUsersAreFast) {
  const absl::Time begin = absl::Now();
  const Job job = Import(Many(10'000));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  EXPECT_EQ(job.created, 10'000);
  RecordProperty("seconds", std::to_string(seconds));
  printf("10,000 users with 20,000 aliases: %.2f s\n", seconds);
  EXPECT_EQ(Import(Many(10'000)).unchanged, 10'000);
}

}  // namespace
}  // namespace cleanmail::provisioning::import
