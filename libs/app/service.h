#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/impl/codegen/service_type.h>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "libs/bus/bus.h"
#include "libs/bus/events.h"
#include "libs/net/listener.h"

namespace cleanmail::app {

// How a bus door is read.
struct Reading {
  int workers =
      0;  // above 0: threads that run the handler, for one that waits for something outside
  absl::Duration rest = absl::ZeroDuration();  // see bus::SubscriptionOptions
};

// What a service is made of and which doors it opens; starts no thread itself. libs/app/run_main
// opens the doors in the order RPC, consumers, timers, listeners, and closes them in reverse. Parts
// are destroyed in reverse order of Own.
class Service {
 public:
  explicit Service(std::string name) : name_(std::move(name)) {}
  Service(Service&&) = default;
  Service& operator=(Service&&) = default;
  ~Service() {
    while (!parts_.empty()) parts_.pop_back();
  }

  // Keeps a part alive as long as the service.
  template <class T>
  T& Own(std::unique_ptr<T> part) {
    T& reference = *part;
    parts_.push_back(std::shared_ptr<void>(std::move(part)));
    return reference;
  }

  // A gRPC door.
  void Serve(std::unique_ptr<grpc::Service> api) { apis_.push_back(std::move(api)); }

  // A bus door: `handler` takes a batch of typed events and returns a status for each, in order.
  template <class Event>
  void Consume(std::function<std::vector<absl::Status>(std::span<const Event>)> handler,
               Reading reading = {}) {
    consumers_.push_back({OptionsFor<Event>(reading), bus::HandleBatch<Event>(std::move(handler))});
  }
  // A bus door whose events finish later, one by one.
  template <class Event>
  void ConsumeLater(std::function<void(std::vector<bus::Received<Event>>)> handler,
                    Reading reading = {}) {
    consumers_.push_back({OptionsFor<Event>(reading), bus::HandleLater<Event>(std::move(handler))});
  }
  // A bus door for any topic in bytes.
  void ConsumeRecords(bus::SubscriptionOptions options, bus::BatchHandler handler) {
    consumers_.push_back({std::move(options), std::move(handler)});
  }

  // A TCP door.
  void Listen(net::ListenOptions options, net::ConnectionHandler handler) {
    listeners_.push_back({std::move(options), std::move(handler)});
  }

  // A timer door: `tick` runs on a thread of the process, never twice at once.
  void Every(absl::Duration interval, std::function<void()> tick) {
    timers_.push_back({interval, std::move(tick)});
  }

  // Run once, before any door opens / when consumers and listeners have stopped and work in hand
  // may finish.
  void OnStart(std::function<absl::Status()> start) { starts_.push_back(std::move(start)); }
  void OnDrain(std::function<void(absl::Time deadline)> drain) {
    drains_.push_back(std::move(drain));
  }
  // A door a part of the service opens itself: its port, asked once the service has started.
  void OnPort(std::string name, std::function<int()> port) {
    ports_.emplace_back(std::move(name), std::move(port));
  }
  // Asked on SIGHUP: reopen and reread what may have changed (certificates). Must not block for
  // long.
  void OnReload(std::function<void()> reload) { reloads_.push_back(std::move(reload)); }
  // Asked by /readyz: OK, or why not. A warning keeps the process ready and is shown.
  void OnReady(std::function<absl::Status()> ready) { readies_.push_back(std::move(ready)); }
  void OnWarnings(std::function<std::vector<std::string>()> warnings) {
    warnings_.push_back(std::move(warnings));
  }

  struct Consumer {
    bus::SubscriptionOptions options;
    bus::BatchHandler handler;
  };
  struct Listener {
    net::ListenOptions options;
    net::ConnectionHandler handler;
  };
  struct Timer {
    absl::Duration interval;
    std::function<void()> tick;
  };

  const std::string& name() const { return name_; }
  std::vector<std::unique_ptr<grpc::Service>>& apis() { return apis_; }
  std::vector<Consumer>& consumers() { return consumers_; }
  std::vector<Listener>& listeners() { return listeners_; }
  std::vector<Timer>& timers() { return timers_; }
  std::vector<std::function<absl::Status()>>& starts() { return starts_; }
  std::vector<std::pair<std::string, std::function<int()>>>& ports() { return ports_; }
  std::vector<std::function<void(absl::Time)>>& drains() { return drains_; }
  std::vector<std::function<void()>>& reloads() { return reloads_; }
  std::vector<std::function<absl::Status()>>& readies() { return readies_; }
  std::vector<std::function<std::vector<std::string>()>>& warnings() { return warnings_; }

 private:
  template <class Event>
  bus::SubscriptionOptions OptionsFor(const Reading& reading) const {
    bus::SubscriptionOptions options = bus::OptionsFor<Event>(name_);
    options.workers = reading.workers;
    options.rest = reading.rest;
    return options;
  }

  std::string name_;
  std::vector<std::shared_ptr<void>>
      parts_;  // shared_ptr<void> only because it remembers how to destroy what it hides
  std::vector<std::unique_ptr<grpc::Service>> apis_;
  std::vector<Consumer> consumers_;
  std::vector<Listener> listeners_;
  std::vector<Timer> timers_;
  std::vector<std::function<absl::Status()>> starts_;
  std::vector<std::pair<std::string, std::function<int()>>> ports_;
  std::vector<std::function<void(absl::Time)>> drains_;
  std::vector<std::function<void()>> reloads_;
  std::vector<std::function<absl::Status()>> readies_;
  std::vector<std::function<std::vector<std::string>()>> warnings_;
};

}  // namespace cleanmail::app
