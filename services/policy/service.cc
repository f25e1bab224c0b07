#include "services/policy/service.h"

#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/outbox/outbox.h"
#include "proto/cleanmail/policy/v1/config.pb.h"
#include "services/policy/api.h"
#include "services/policy/consumer.h"
#include "services/policy/evaluation.h"
#include "services/policy/history/dry_runs.h"
#include "services/policy/history/memory.h"
#include "services/policy/lists.h"
#include "services/policy/metrics.h"
#include "services/policy/policies.h"
#include "services/policy/rules_follower.h"

namespace cleanmail::policy {
namespace {

// A timer door whose failures stand in the log.
void Every(app::Service& service, app::Environment& env, absl::Duration interval,
           std::string_view what, std::function<absl::Status()> tick) {
  service.Every(interval, [&log = env.log(), what, tick = std::move(tick)] {
    const absl::Status status = tick();
    if (!status.ok())
      log.Warning("policy.timer.failed", {{"what", what}, {"why", status.ToString()}});
  });
}

// A bus that knows no rules while rows do is a new one over a restored database: the rules are told
// again, before anybody evaluates by a book without them.
absl::Status TellIfForgotten(bus::Bus& bus, Store& store, outbox::Outbox& outbox,
                             telemetry::Log& log) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t newest, bus.NewestPosition(bus::TopicOf(*v1::RulesChanged::descriptor()).name));
  if (newest >= 0) return absl::OkStatus();
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t told, store.TellAll());
  if (told == 0) return absl::OkStatus();
  log.Info("policy.rules.told_again", {{"resources", told}});
  return outbox.Flush();
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_RETURN_IF_ERROR(env.Config<v1::PolicyConfig>().status());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("policy"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  app::Service service("policy");

  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus()));
  auto& store = service.Own(std::make_unique<Store>(*database, outbox));
  auto& book = service.Own(std::make_unique<RuleBook>());
  auto& follower =
      service.Own(std::make_unique<RulesFollower>(env.bus(), book, env.log(), metrics));
  auto& hits = service.Own(std::make_unique<ListHits>());
  auto& evaluation =
      service.Own(std::make_unique<Evaluation>(env.directory(), book, env.clock(), hits, metrics));
  auto& policies = service.Own(std::make_unique<Policies>(store, env.clock()));
  auto& lists = service.Own(std::make_unique<Lists>(store, env.clock(), env.random()));
  auto& past = service.Own(std::make_unique<history::Store>(*database));
  auto& memory = service.Own(std::make_unique<history::Memory>(past, book, env.clock(), metrics));
  auto& dry_runs =
      service.Own(std::make_unique<history::DryRuns>(past, evaluation, env.clock(), env.random()));

  service.OnStart(
      [&env, &store, &outbox] { return TellIfForgotten(env.bus(), store, outbox, env.log()); });
  service.OnStart([&follower] { return follower.Start(); });
  service.OnReady([&book] {
    return book.complete() ? absl::OkStatus()
                           : absl::UnavailableError("rules are not complete yet");
  });
  service.Serve(std::make_unique<Api>(
      ApiParts{evaluation, env.directory(), env.authz(), policies, lists, past, dry_runs}));
  service.ConsumeLater<scanner::v1::MailScanned>(
      [parts = ConsumerParts{evaluation, memory, env.bus(), env.clock(), metrics}](auto batch) {
        OnScanned(parts, std::move(batch));
      },
      {.rest = absl::Milliseconds(5)});
  Every(service, env, absl::Milliseconds(250), "remember", [&memory] { return memory.Write(); });
  Every(service, env, absl::Seconds(10), "hits", [&lists, &hits] { return lists.KeepHits(hits); });
  Every(service, env, absl::Milliseconds(500), "dry runs",
        [&dry_runs] { return dry_runs.RunWaiting(); });
  Every(service, env, absl::Hours(1), "forget", [&memory, &lists] {
    absl::Status status = memory.Forget();
    status.Update(lists.Sweep());
    return status;
  });
  service.OnDrain([&](absl::Time) {
    (void)memory.Write();
    (void)lists.KeepHits(hits);
    (void)outbox.Flush();
  });
  return service;
}

}  // namespace cleanmail::policy
