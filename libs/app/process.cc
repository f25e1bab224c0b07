#include "libs/app/process.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/app/cluster.h"
#include "libs/app/operations.h"
#include "libs/app/settings.h"
#include "libs/app/standalone.h"
#include "libs/app/timers.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"

namespace cleanmail::app {
namespace {

class RoomsProcess final : public Process {
 public:
  explicit RoomsProcess(Options options) : options_(std::move(options)) {}
  ~RoomsProcess() override { Stop(); }

  absl::Status Open() {
    CLEANMAIL_ASSIGN_OR_RETURN(
        settings_, LoadSettings(options_.document, {.data_folder = options_.data_folder,
                                                    .operations = options_.operations}));
    CLEANMAIL_RETURN_IF_ERROR(CheckSections(options_.document, Rooms()));
    if (!options_.migrate_only) CLEANMAIL_RETURN_IF_ERROR(OpenOperationsPort());
    CLEANMAIL_RETURN_IF_ERROR(OpenStoresAndRooms());
    if (options_.migrate_only) return absl::OkStatus();
    for (const auto& service : services_) {
      for (const auto& start : service->starts()) {
        CLEANMAIL_RETURN_IF_ERROR(base::Annotate(start(), base::Cat("starting ", service->name())));
      }
    }
    CLEANMAIL_RETURN_IF_ERROR(OpenRpc());
    CLEANMAIL_RETURN_IF_ERROR(OpenConsumers());
    OpenTimers();
    CLEANMAIL_RETURN_IF_ERROR(OpenListeners());
    open_.store(true);
    environment_->log().Info("process.started", {{"rooms", services_.size()},
                                                 {"profile", settings_.profile()},
                                                 {"instance", settings_.instance()},
                                                 {"data_folder", settings_.data_folder()}});
    for (const std::string& warning : Warnings())
      environment_->log().Warning("process.warning", {{"text", warning}});
    return absl::OkStatus();
  }

  absl::Status Ready() override {
    if (!open_.load()) {
      if (draining_.load()) return absl::UnavailableError("draining");
      absl::MutexLock lock(&mutex_);
      return absl::UnavailableError(awaited_.empty() ? "starting"
                                                     : base::Cat("waiting: ", awaited_));
    }
    if (!environment_->directory().complete())
      return absl::UnavailableError("the directory is not complete yet");
    for (const auto& service : services_) {
      for (const auto& ready : service->readies()) {
        if (absl::Status status = ready(); !status.ok())
          return base::Annotate(status, service->name());
      }
    }
    return absl::OkStatus();
  }

  std::vector<std::string> Warnings() override {
    std::vector<std::string> all = environment_->Warnings();
    for (const auto& service : services_) {
      for (const auto& warnings : service->warnings()) {
        for (const std::string& warning : warnings())
          all.push_back(base::Cat(service->name(), ": ", warning));
      }
    }
    return all;
  }

  void Reload() override {
    environment_->log().Reopen();
    environment_->mail_log().Reopen();
    for (const auto& service : services_) {
      for (const auto& reload : service->reloads()) reload();
    }
    environment_->log().Info("process.reloaded");
  }

  void Stop() override {
    if (environment_ == nullptr) {  // it never started, or has stopped
      operations_.reset();
      return;
    }
    if (stopping_.exchange(true)) return;
    const absl::Time deadline = absl::Now() + ToDuration(settings_.drain_deadline());
    environment_->log().Info(
        "process.draining",
        {{"seconds", absl::ToInt64Seconds(ToDuration(settings_.drain_deadline()))}});
    draining_.store(true);
    open_.store(false);
    Drain(deadline);
    CloseDoors(deadline);
    environment_->log().Info("process.stopped");
    while (!services_.empty()) services_.pop_back();
    environment_.reset();
  }

  Environment& environment() override { return *environment_; }
  std::string rpc_socket() const override {
    return InDataFolder(settings_, settings_.rpc().socket());
  }
  std::map<std::string, int> ports() const override {
    std::map<std::string, int> ports;
    for (const auto& listener : listeners_) ports[listener->name()] = listener->port();
    if (rpc_ != nullptr && rpc_->port() != 0) ports["rpc"] = rpc_->port();
    if (operations_ != nullptr) ports["operations"] = operations_->port();
    for (const auto& service : services_) {
      for (const auto& [name, port] : service->ports()) ports[name] = port();
    }
    return ports;
  }

 private:
  std::vector<std::string> Rooms() const {
    std::vector<std::string> rooms;
    for (const Factory& factory : options_.factories) rooms.push_back(factory.name);
    return rooms;
  }

  // Tries until nothing is missing that may yet come. What was half open is closed in between.
  absl::Status OpenStoresAndRooms() {
    constexpr absl::Duration kLongestPause = absl::Seconds(5);
    absl::Duration pause = absl::Milliseconds(250);
    while (true) {
      absl::Status opened = TryStoresAndRooms();
      if (opened.ok() || !absl::IsUnavailable(opened) || options_.wait == nullptr) {
        Await("");
        return opened;
      }
      while (!services_.empty()) services_.pop_back();
      environment_.reset();
      Await(base::View(opened.message()));
      if (!options_.wait(pause)) return opened;
      pause = std::min(2 * pause, kLongestPause);
    }
  }

  absl::Status TryStoresAndRooms() {
    CLEANMAIL_ASSIGN_OR_RETURN(environment_,
                               settings_.profile() == "cluster"
                                   ? OpenCluster(options_.document, settings_, Rooms())
                                   : OpenStandalone(options_.document, settings_));
    for (const Factory& factory : options_.factories) {
      absl::StatusOr<Service> service = factory.make(*environment_);
      if (!service.ok()) return base::Annotate(service.status(), factory.name);
      services_.push_back(std::make_unique<Service>(*std::move(service)));
    }
    return environment_->CheckComplete();
  }

  // Says what is waited for, in the log when it is something new; nothing when `what` is empty.
  void Await(std::string_view what) {
    absl::MutexLock lock(&mutex_);
    if (what == awaited_) return;
    awaited_ = what;
    if (what.empty()) return;
    const std::string& file = settings_.log().file();
    telemetry::MakeLog(file.empty() ? "" : InDataFolder(settings_, file), LevelOf(settings_))
        ->Warning("process.waiting", {{"for", what}});
  }

  // What the operations port asks for: until all is open the environment may come and go.
  std::vector<std::string> WarningsOnceOpen() {
    return open_.load() ? Warnings() : std::vector<std::string>();
  }
  std::string MetricsOnceOpen() {
    return open_.load() || draining_.load() ? environment_->metrics().Text() : std::string();
  }

  absl::Status OpenRpc() {
    std::vector<grpc::Service*> apis;
    for (const auto& service : services_) {
      for (const auto& api : service->apis()) apis.push_back(api.get());
    }
    CLEANMAIL_ASSIGN_OR_RETURN(
        rpc_, rpc::Server::Start(apis, environment_->RpcOptions(), environment_->log(),
                                 environment_->metrics()));
    for (const auto& service : services_) rpc_->SetServing(service->name(), true);
    environment_->channels().Open(rpc_->InProcessChannel());
    return absl::OkStatus();
  }

  absl::Status OpenConsumers() {
    for (const auto& service : services_) {
      for (Service::Consumer& consumer : service->consumers()) {
        bus::SubscriptionOptions options = consumer.options;
        if (options.workers == bus::SubscriptionOptions().workers)
          options.workers = settings_.threads().workers();
        absl::StatusOr<std::unique_ptr<bus::Subscription>> subscribed =
            environment_->bus().Subscribe(options, std::move(consumer.handler));
        if (!subscribed.ok())
          return base::Annotate(subscribed.status(),
                                base::Cat(service->name(), ", reading ", options.topic));
        const bus::Subscription& subscription = **subscribed;
        const telemetry::Labels labels = {{"topic", options.topic}, {"group", options.group}};
        environment_->metrics().AddCallback(
            this, "cleanmail_bus_lag_events", "Events published and not finished by the group.",
            labels, [&subscription] { return static_cast<double>(subscription.lag()); });
        environment_->metrics().AddCallback(
            this, "cleanmail_bus_in_hand_events", "Events given to the group and not finished.",
            labels, [&subscription] { return static_cast<double>(subscription.in_hand()); });
        subscriptions_.push_back(*std::move(subscribed));
      }
    }
    return absl::OkStatus();
  }

  void OpenTimers() {
    timers_.emplace(environment_->loops());
    timers_->Until(absl::Milliseconds(200), [this] {
      const absl::Status filled = environment_->FillDirectory();
      if (!filled.ok())
        environment_->log().Warning("directory.not_filled",
                                    {{"error", base::View(filled.message())}});
      return filled.ok();
    });
    for (const Chore& chore : environment_->Chores()) timers_->Every(chore.interval, chore.tick);
    for (const auto& service : services_) {
      for (Service::Timer& timer : service->timers()) timers_->Every(timer.interval, timer.tick);
    }
  }

  absl::Status OpenOperationsPort() {
    const std::string& address = settings_.operations().listen();
    if (address == "off") return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(
        operations_,
        OpenOperations(
            address,
            {.ready = [this] { return Ready(); },
             .warnings = [this] { return WarningsOnceOpen(); },
             .settings = [this] { return PrintSettings(settings_, options_.document, Rooms()); },
             .metrics = [this] { return MetricsOnceOpen(); }}));
    return absl::OkStatus();
  }

  absl::Status OpenListeners() {
    for (const auto& service : services_) {
      for (Service::Listener& listener : service->listeners()) {
        absl::StatusOr<std::unique_ptr<net::Listener>> opened =
            net::Listener::Open(environment_->loops(), listener.options, listener.handler);
        if (!opened.ok()) return base::Annotate(opened.status(), service->name());
        environment_->log().Info("listener.opened", {{"name", (*opened)->name()},
                                                     {"address", listener.options.address},
                                                     {"port", (*opened)->port()}});
        listeners_.push_back(*std::move(opened));
      }
    }
    return absl::OkStatus();
  }

  // Nothing new comes in; what is in hand may end.
  void Drain(absl::Time deadline) {
    if (rpc_ != nullptr) {
      for (const auto& service : services_) rpc_->SetServing(service->name(), false);
    }
    for (const auto& listener : listeners_) listener->Close();
    for (const auto& subscription : subscriptions_) subscription->Pause();
    if (timers_.has_value()) timers_->Stop();
    for (auto service = services_.rbegin(); service != services_.rend(); ++service) {
      for (const auto& drain : (*service)->drains()) drain(deadline);
    }
    for (const auto& subscription : subscriptions_) {
      while (subscription->in_hand() > 0 && absl::Now() < deadline)
        absl::SleepFor(absl::Milliseconds(1));
    }
    environment_->loops().Stop(deadline);
  }

  void CloseDoors(absl::Time deadline) {
    operations_.reset();  // last to go of what others ask: they see "draining" until here
    environment_->StopFollowing();
    environment_->metrics().RemoveCallbacks(this);
    subscriptions_.clear();
    listeners_.clear();
    environment_->channels().Close();
    if (rpc_ != nullptr) rpc_->Stop(deadline);
    rpc_.reset();
  }

  const Options options_;
  v1::AppConfig settings_;
  std::unique_ptr<ProcessEnvironment> environment_;
  std::vector<std::unique_ptr<Service>> services_;
  std::unique_ptr<rpc::Server> rpc_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  std::optional<Timers> timers_;
  std::unique_ptr<http::Server> operations_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::atomic<bool> open_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  absl::Mutex mutex_;
  std::string awaited_ ABSL_GUARDED_BY(mutex_);  // what keeps it from starting
};

}  // namespace

std::vector<std::string> SectionsOf(const std::vector<Factory>& factories) {
  std::vector<std::string> sections = {"app"};
  for (const Factory& factory : factories) sections.push_back(factory.name);
  return sections;
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(Options options) {
  auto process = std::make_unique<RoomsProcess>(std::move(options));
  CLEANMAIL_RETURN_IF_ERROR(process->Open());
  return process;
}

}  // namespace cleanmail::app
