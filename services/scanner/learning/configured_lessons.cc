#include "services/scanner/learning/configured_lessons.h"

#include <span>

#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "services/scanner/learning/releases.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr absl::Duration kRefreshEvery = absl::Seconds(2);

}  // namespace

absl::StatusOr<Lessons*> AddLessons(app::Environment& env, const v1::LearningSettings& settings,
                                    Metrics& metrics, app::Service& service) {
  if (settings.off()) return nullptr;
  if (!env.owns_databases() && env.app_config().postgres().hosts().empty()) {
    static constexpr char kAdvice[] =
        "nothing is learnt of spam and ham: set app.postgres, or scanner.learning.off";
    env.log().Warning("scanner.learning.missing", {{"advice", kAdvice}});
    service.OnWarnings([] { return std::vector<std::string>{kAdvice}; });
    return nullptr;
  }
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("scanner"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  auto& store = service.Own(std::make_unique<Store>(*database));
  LearningOptions options;
  options.least = config::OrDefault(settings.least_messages(), options.least);
  options.most = config::OrDefault(settings.most_messages(), options.most);
  options.keep = config::OrDefault(settings.keep(), options.keep);
  options.bytes = static_cast<size_t>(
      config::OrDefault(settings.memory_bytes(), static_cast<int64_t>(options.bytes)));
  if (options.most < options.least)
    return absl::InvalidArgumentError(
        "scanner.learning.most_messages: less than least_messages, so that nothing would ever be "
        "said");
  TokenKey fresh;
  env.random().Fill(std::as_writable_bytes(std::span(fresh)));
  CLEANMAIL_ASSIGN_OR_RETURN(auto made,
                             Lessons::Create(store, env.clock(), metrics, fresh, options));
  Lessons& lessons = service.Own(std::move(made));
  const auto tell = [&log = env.log()](const absl::Status& status) {
    if (!status.ok()) log.Warning("scanner.learning.failed", {{"why", status.ToString()}});
  };
  service.OnStart([tell, &lessons] {
    tell(lessons.Refresh());  // a database that is away is no reason not to scan
    return absl::OkStatus();
  });
  service.Every(kRefreshEvery, [tell, &lessons] { tell(lessons.Refresh()); });
  service.Every(absl::Hours(1), [tell, &lessons, &directory = env.directory()] {
    // Who is not known while the directory is not complete may exist all the same.
    tell(lessons.Sweep([&directory](const std::string& tenant) {
      return !directory.complete() || directory.FindTenant(tenant).has_value();
    }));
  });
  if (!settings.ignore_releases())
    service.Consume<quarantine::v1::MailReleased>(
        [parts = ReleaseParts{lessons, env.blobs(), env.log()}](auto batch) {
          return OnReleased(parts, batch);
        });
  return &lessons;
}

}  // namespace cleanmail::scanner::learning
