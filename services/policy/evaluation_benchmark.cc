// What rules cost: deciding a message, and admitting an envelope, with so many rules of every kind
// of which none matches; a dry run; taking a judgement down.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/store/sql/sqlite_database.h"
#include "services/policy/evaluation.h"
#include "services/policy/history/dry_runs.h"
#include "services/policy/history/memory.h"
#include "services/policy/store.h"

namespace cleanmail::policy {
namespace {

v1::Condition ConditionNumber(int number) {
  v1::Condition condition;
  switch (number % 8) {
    case 0:
      condition.set_finding(base::Cat("NO_SUCH_FINDING_", number));
      break;
    case 1:
      condition.set_sender(base::Cat("nobody", number, "@elsewhere.example"));
      break;
    case 2:
      condition.mutable_header()->set_name("Subject");
      condition.mutable_header()->set_contains(base::Cat("viagra number ", number));
      break;
    case 3:
      condition.mutable_header()->set_name("Subject");
      condition.mutable_header()->set_regex(base::Cat("(lottery|prize) +no\\. *", number));
      break;
    case 4:
      condition.mutable_network()->add_networks(base::Cat("10.", number % 250, ".0.0/16"));
      break;
    case 5:
      condition.mutable_attachment()->set_name(base::Cat("*.x", number));
      break;
    case 6:
      condition.set_sender_domain(base::Cat("*.spam", number, ".example"));
      break;
    default:
      condition.mutable_header()->set_name("X-Mailer");
      condition.mutable_header()->set_glob(base::Cat("*mass*mailer?", number, "*"));
  }
  return condition;
}

v1::Policy PolicyOf(int rules) {
  v1::Policy policy;
  policy.set_name("tenants/acme/policies/standard");
  policy.set_hold_score(5);
  for (int i = 0; i < rules; ++i) {
    v1::Rule& rule = *policy.add_rules();
    rule.set_id(base::Cat("rule-", i));
    *rule.add_conditions() = ConditionNumber(i);
    rule.add_conditions()->set_direction(mail::v1::DIRECTION_INBOUND);
    rule.add_actions()->mutable_hold();
  }
  return policy;
}

// A tenant with rules and an ordinary message: 30 header fields, 2 attachments, 10 findings.
struct Scene {
  explicit Scene(int rules) {
    provisioning::v1::DirectoryChanged tenant;
    tenant.set_name("tenants/acme");
    tenant.mutable_tenant()->set_name("tenants/acme");
    directory.Apply(tenant);
    provisioning::v1::DirectoryChanged domain;
    domain.set_name("tenants/acme/domains/acme.example");
    domain.mutable_domain()->set_name(domain.name());
    domain.mutable_domain()->set_recipient_mode(provisioning::v1::RECIPIENT_MODE_ANY);
    directory.Apply(domain);
    directory.Complete();
    v1::RulesChanged change;
    change.set_name("tenants/acme/policies/standard");
    *change.mutable_policy() = PolicyOf(rules);
    CLEANMAIL_CHECK_OK(book.Apply(change));
    book.Complete();
    judged.mutable_message()->set_tenant("acme");
    judged.mutable_message()->set_direction(mail::v1::DIRECTION_INBOUND);
    judged.mutable_message()->mutable_envelope()->set_sender("ann@sender.example");
    judged.mutable_message()->mutable_envelope()->add_recipients("bob@acme.example");
    judged.mutable_message()->mutable_session()->set_client_address("192.0.2.7");
    for (int i = 0; i < 30; ++i) {
      mail::v1::HeaderField& field = *judged.mutable_facts()->add_headers();
      field.set_name(i == 0 ? "Subject" : i == 1 ? "X-Mailer" : base::Cat("X-Field-", i));
      field.set_value(base::Cat("an ordinary value of an ordinary header field, number ", i));
    }
    for (int i = 0; i < 2; ++i) {
      mail::v1::Attachment& attachment = *judged.mutable_facts()->add_attachments();
      attachment.set_name(base::Cat("report-", i, ".pdf"));
      attachment.set_content_type("application/pdf");
    }
    for (int i = 0; i < 10; ++i) {
      mail::v1::Finding& finding = *judged.add_findings();
      finding.set_name(base::Cat("FINDING_", i));
      finding.set_category(mail::v1::FINDING_CATEGORY_SPAM);
    }
    judged.set_score(1);
  }

  base::SystemClock clock;
  base::SystemRandom random;
  telemetry::MetricsRegistry registry;
  Metrics metrics{registry};
  directory::Directory directory;
  RuleBook book;
  ListHits hits;
  Evaluation evaluation{directory, book, clock, hits, metrics};
  v1::Judged judged;
};

void BM_Dispose(benchmark::State& state) {
  Scene scene(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    auto groups = scene.evaluation.Dispose({.message = scene.judged.message(),
                                            .findings = scene.judged.findings(),
                                            .facts = scene.judged.facts(),
                                            .score = 1});
    benchmark::DoNotOptimize(groups);
  }
}
BENCHMARK(BM_Dispose)->Arg(0)->Arg(200)->Arg(500);

void BM_Admit(benchmark::State& state) {
  Scene scene(static_cast<int>(state.range(0)));
  v1::EvaluateEnvelopeRequest request;
  request.set_sender("ann@sender.example");
  request.set_direction(mail::v1::DIRECTION_INBOUND);
  request.mutable_session()->set_client_address("192.0.2.7");
  request.add_recipients()->set_address("bob@acme.example");
  request.mutable_recipients(0)->set_tenant("acme");
  for (auto _ : state) {
    auto decisions = scene.evaluation.Admit(request);
    benchmark::DoNotOptimize(decisions);
  }
}
BENCHMARK(BM_Admit)->Arg(0)->Arg(200);

// A database of its own.
struct Past {
  Past() {
    std::filesystem::remove(path);
    auto opened = sql::OpenSqlite(path);
    CLEANMAIL_CHECK_OK(opened.status());
    database = *std::move(opened);
    CLEANMAIL_CHECK_OK(sql::Migrate(*database, Migrations()));
    store = std::make_unique<history::Store>(*database);
  }
  ~Past() {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  }
  std::string path = base::Cat("/tmp/evaluation-benchmark-", getpid(), ".db");
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<history::Store> store;
};

void Fill(Scene& scene, history::Memory& memory, int messages) {
  for (int i = 0; i < messages; ++i) {
    scene.judged.mutable_message()->set_id(base::NewUuid(scene.clock, scene.random));
    memory.Note(scene.judged);
  }
}

void BM_Remember(benchmark::State& state) {
  Scene scene(0);
  Past past;
  history::Memory memory(*past.store, scene.book, scene.clock, scene.metrics);
  for (auto _ : state) {
    Fill(scene, memory, 500);
    CLEANMAIL_CHECK_OK(memory.Write());
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(BM_Remember)->Unit(benchmark::kMillisecond);

void BM_DryRunOf10000(benchmark::State& state) {
  Scene scene(200);
  Past past;
  history::Memory memory(*past.store, scene.book, scene.clock, scene.metrics);
  Fill(scene, memory, 10'000);
  CLEANMAIL_CHECK_OK(memory.Write());
  history::DryRuns dry_runs(*past.store, scene.evaluation, scene.clock, scene.random);
  v1::Policy changed = PolicyOf(200);
  changed.mutable_rules(0)->clear_conditions();
  for (auto _ : state) {
    CLEANMAIL_CHECK_OK(dry_runs.Start("acme", changed, 1, "benchmark").status());
    CLEANMAIL_CHECK_OK(dry_runs.RunWaiting());
  }
}
BENCHMARK(BM_DryRunOf10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cleanmail::policy

BENCHMARK_MAIN();
