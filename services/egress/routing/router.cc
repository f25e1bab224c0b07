#include "services/egress/routing/router.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/net/host_port.h"

namespace cleanmail::egress {
namespace {

constexpr size_t kMostHosts =
    10;  // RFC 5321 §5.1 asks for at least two attempts; a hostile list may be endless
constexpr size_t kMostAddresses = 20;  // in all

// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
absl::StatusOr<net::IpAddress> FromLiteral(std::string_view domain) {
  if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']')
    return absl::InvalidArgumentError("not a literal");
  absl::string_view inner = base::AbslView(domain.substr(1, domain.size() - 2));
  if (!absl::ConsumePrefix(&inner, "IPv6:")) absl::ConsumePrefix(&inner, "ipv6:");
  return net::IpAddress::Parse(base::View(inner));
}

}  // namespace

// One search: the list of hosts, then both address types of each; keeps itself alive until `done`
// has been called.
class Router::Search : public std::enable_shared_from_this<Search> {
 public:
  Search(Router& router, absl::AnyInvocable<void(absl::StatusOr<std::vector<Target>>) &&> done)
      : router_(router), deadline_(absl::Now() + router.options_.timeout), done_(std::move(done)) {}

  void ByRoute(const std::vector<std::string>& destinations) {
    std::vector<net::HostPort> hosts;
    for (const std::string& destination : destinations) {
      if (const auto host = net::ParseHostPort(destination, router_.options_.smtp_port); host.ok())
        hosts.push_back(*host);
    }
    by_route_ = true;  // an administrator's own word: it may be private
    Resolve(std::move(hosts));
  }

  void ByMx(const std::string& domain) {
    if (const auto literal = FromLiteral(domain); literal.ok()) {
      return Resolve(
          {{.host = literal->ToString(), .port = router_.options_.smtp_port, .is_address = true}});
    }
    router_.resolver_.Lookup(
        {.name = domain, .type = dns::Type::kMx}, deadline_,
        [self = shared_from_this(), domain](absl::StatusOr<dns::Answer> answer) {
          self->OnMx(domain, std::move(answer));
        });
  }

 private:
  void OnMx(const std::string& domain, absl::StatusOr<dns::Answer> answer) {
    if (!answer.ok() && !absl::IsNotFound(answer.status())) {
      return Fail(absl::UnavailableError(
          base::Cat("the MX of ", domain, " could not be looked up: ", answer.status().message())));
    }
    std::vector<net::HostPort> hosts;
    const uint16_t port = router_.options_.smtp_port;
    if (!answer.ok() || answer->mx.empty()) {
      hosts.push_back({.host = domain, .port = port, .is_address = false});  // implicit MX
    } else if (answer->mx.size() == 1 && answer->mx[0].exchange.empty()) {
      return Fail(absl::NotFoundError(base::Cat(domain, " takes no mail (null MX)")));
    } else {
      std::ranges::stable_sort(answer->mx, {}, &dns::MxRecord::preference);
      const auto us = std::ranges::find(
          answer->mx, absl::AsciiStrToLower(router_.options_.host_name), &dns::MxRecord::exchange);
      const int limit = us == answer->mx.end() ? 65536 : us->preference;
      for (const dns::MxRecord& mx : answer->mx) {
        if (mx.preference < limit && !mx.exchange.empty())
          hosts.push_back({.host = mx.exchange, .port = port, .is_address = false});
      }
      if (hosts.empty())
        return Fail(absl::FailedPreconditionError(
            base::Cat("mail for ", domain, " loops back to this gateway")));
    }
    Resolve(std::move(hosts));
  }

  void Resolve(std::vector<net::HostPort> hosts) {
    if (hosts.size() > kMostHosts) hosts.resize(kMostHosts);
    size_t questions = 0;
    {
      const absl::MutexLock lock(&mutex_);
      hosts_ = std::move(hosts);
      found_.resize(hosts_.size());
      for (const net::HostPort& host : hosts_) questions += host.is_address ? 0 : 2;
      waiting_ =
          questions + 1;  // one for this function, so that nobody finishes before all are asked
    }
    for (size_t i = 0; i < hosts_.size(); ++i) {
      if (hosts_[i].is_address) {
        Add(i, {hosts_[i].host});
        continue;
      }
      for (const dns::Type type : {dns::Type::kAaaa, dns::Type::kA}) {
        router_.resolver_.Lookup(
            {.name = hosts_[i].host, .type = type}, deadline_,
            [self = shared_from_this(), i](absl::StatusOr<dns::Answer> answer) {
              if (answer.ok()) {
                self->Add(i, answer->addresses);
              } else if (!absl::IsNotFound(answer.status())) {
                const absl::MutexLock lock(&self->mutex_);
                self->temporary_ = answer.status();
              }
              self->OneLess();
            });
      }
    }
    OneLess();
  }

  void Add(size_t host, const std::vector<std::string>& addresses) {
    const absl::MutexLock lock(&mutex_);
    for (const std::string& text : addresses) {
      const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(text);
      if (!address.ok()) continue;
      if (!by_route_ && !router_.options_.mx_may_be_private && address->IsPrivate()) {
        refused_ = absl::FailedPreconditionError(
            "every address found is private; set egress.mx_may_be_private, or a route, to allow "
            "it");
        continue;
      }
      const net::Endpoint endpoint{.address = *address, .port = hosts_[host].port};
      const absl::Status allowed = by_route_ || !router_.options_.mx_may_be_private
                                       ? router_.options_.destinations.Check(endpoint)
                                       : absl::OkStatus();
      if (!allowed.ok()) {
        refused_ = absl::FailedPreconditionError(allowed.message());
        continue;
      }
      found_[host].push_back({.host = hosts_[host].host, .endpoint = endpoint});
    }
  }

  void OneLess() {
    absl::StatusOr<std::vector<Target>> result = std::vector<Target>();
    {
      const absl::MutexLock lock(&mutex_);
      if (--waiting_ > 0) return;
      for (std::vector<Target>& targets : found_) {
        // IPv4 first: an IPv6 address without a working path costs a timeout for every message.
        std::ranges::stable_partition(
            targets, [](const Target& target) { return target.endpoint.address.is_v4(); });
        for (Target& target : targets) {
          if (result->size() < kMostAddresses) result->push_back(std::move(target));
        }
      }
      if (result->empty()) result = WhyNone();
    }
    std::move(done_)(std::move(result));
  }

  absl::Status WhyNone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!temporary_.ok())
      return absl::UnavailableError(
          base::Cat("no address could be looked up: ", temporary_.message()));
    if (!refused_.ok()) return refused_;
    return absl::NotFoundError(hosts_.empty() ? "the route names no server"
                                              : base::Cat(hosts_[0].host, " has no address"));
  }

  void Fail(absl::Status status) { std::move(done_)(std::move(status)); }

  Router& router_;
  const absl::Time deadline_;
  absl::AnyInvocable<void(absl::StatusOr<std::vector<Target>>) &&> done_;
  bool by_route_ = false;
  std::vector<net::HostPort> hosts_;  // constant once the questions are asked
  absl::Mutex mutex_;
  std::vector<std::vector<Target>> found_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);
  absl::Status temporary_ ABSL_GUARDED_BY(mutex_);
};

void Router::Find(std::string tenant, std::string domain,
                  absl::AnyInvocable<void(absl::StatusOr<std::vector<Target>>) &&> done) {
  auto search = std::make_shared<Search>(*this, std::move(done));
  const std::vector<std::string> destinations = RouteOf(tenant, domain);
  if (destinations.empty()) {
    search->ByMx(StandsFor(tenant, domain));
  } else {
    search->ByRoute(destinations);
  }
}

std::vector<std::string> Router::RouteOf(std::string_view tenant, std::string_view domain) const {
  std::vector<std::string> destinations = directory_.RouteOf(tenant, domain);
  if (destinations.empty()) destinations = directory_.RouteOf(tenant, StandsFor(tenant, domain));
  return destinations;
}

bool Router::IsHosted(std::string_view tenant, std::string_view domain) const {
  const auto own = directory_.FindDomain(domain);
  return own.has_value() && own->tenant == tenant;
}

// An alias domain's MX is us: its mail goes where that of the domain it stands for goes.
std::string Router::StandsFor(std::string_view tenant, std::string_view domain) const {
  const auto own = directory_.FindDomain(domain);
  return own.has_value() && own->tenant == tenant && !own->alias_of.empty() ? own->alias_of
                                                                            : std::string(domain);
}

}  // namespace cleanmail::egress
