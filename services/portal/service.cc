#include "services/portal/service.h"

#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "proto/cleanmail/portal/v1/config.pb.h"
#include "services/portal/api.h"
#include "services/portal/descriptors.h"
#include "services/portal/http/contracts.h"
#include "services/portal/http/door.h"
#include "services/portal/listeners.h"
#include "services/portal/metrics.h"
#include "services/portal/store.h"
#include "services/portal/tokens.h"

namespace cleanmail::portal {
namespace {

constexpr int64_t kAnswerLifeUs = int64_t{24} * 3600 * 1'000'000;

std::string SocketOf(const app::v1::AppConfig& app, const v1::PortalConfig& settings) {
  const std::string name = settings.socket().empty() ? "api.sock" : settings.socket();
  return name.starts_with('/') ? name : base::Cat(app.data_folder(), "/", name);
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::PortalConfig settings, env.Config<v1::PortalConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("portal"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Contracts> read, Contracts::Create(kDescriptors));
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Listeners> doors,
                             Listeners::Create(settings, SocketOf(env.app_config(), settings)));
  app::Service service("portal");

  auto& contracts = service.Own(std::move(read));
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& store = service.Own(std::make_unique<Store>(*database));
  auto& tokens =
      service.Own(std::make_unique<Tokens>(store, env.directory(), env.clock(), env.random()));
  auto& door = service.Own(std::make_unique<Door>(
      Door::Parts{.contracts = contracts,
                  .tokens = tokens,
                  .store = store,
                  .channels = env.peers().channels(),
                  .kv = env.kv(),
                  .clock = env.clock(),
                  .random = env.random(),
                  .log = env.log(),
                  .metrics = metrics},
      Door::Settings{.requests_per_second = config::OrDefault(settings.requests_per_second(), 50),
                     .tls = doors->has_tls()}));
  auto& listeners = service.Own(std::move(doors));

  service.Serve(std::make_unique<Api>(tokens, env.authz()));
  service.OnStart([&listeners, &door] { return listeners.Open(door); });
  service.OnPort("api", [&listeners] { return listeners.port(); });
  service.OnDrain([&listeners](absl::Time deadline) { listeners.Drain(deadline); });
  const auto reload = [&listeners, &log = env.log()] {
    if (const absl::Status reloaded = listeners.Reload(); !reloaded.ok())
      log.Error("portal.certificate.not_reread", {{"why", base::View(reloaded.message())}});
  };
  service.OnReload(reload);
  service.Every(absl::Minutes(1), reload);
  service.Every(absl::Seconds(10), [&tokens, &log = env.log()] {
    if (const absl::Status forgotten = tokens.ForgetOrphans(); !forgotten.ok())
      log.Warning("portal.tokens_not_forgotten", {{"why", base::View(forgotten.message())}});
  });
  service.Every(absl::Hours(1), [&store, &clock = env.clock(), &log = env.log()] {
    const absl::Status forgotten =
        store.ForgetAnswersBefore(base::NowMicros(clock) - kAnswerLifeUs);
    if (!forgotten.ok())
      log.Warning("portal.answers_not_forgotten", {{"why", base::View(forgotten.message())}});
  });
  return service;
}

}  // namespace cleanmail::portal
