#include "services/egress/delivery/lore.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::egress {
namespace {

constexpr absl::Duration kLife = absl::Hours(24);
constexpr absl::Duration kRefresh = absl::Hours(1);    // the table need not know every conversation
constexpr absl::Duration kOverlap = absl::Minutes(2);  // processes' clocks and transactions differ
constexpr size_t kMostServers = 50'000;

std::string KeyFor(const DestinationServer& row) {
  return base::Cat(row.tenant, "\n", row.destination, "\n", row.route, "\n", row.server, "\n");
}

bool SameAbilities(const DestinationServer& a, const DestinationServer& b) {
  return a.smtp_utf8 == b.smtp_utf8 && a.eight_bit == b.eight_bit && a.max_size == b.max_size;
}

}  // namespace

// What the keys of all servers of a destination begin with.
Lore::Key Lore::KeyOf(std::string_view tenant, std::string_view destination) const {
  const std::string route = absl::StrJoin(router_.RouteOf(tenant, destination), ",");
  return base::Cat(tenant, "\n", destination, "\n", route, "\n");
}

void Lore::Learn(std::string_view tenant, std::string_view destination, std::string_view server,
                 const mail::smtp::ClientMachine::Extensions& extensions) {
  DestinationServer row{.tenant = std::string(tenant),
                        .destination = std::string(destination),
                        .route = absl::StrJoin(router_.RouteOf(tenant, destination), ","),
                        .server = std::string(server),
                        .smtp_utf8 = extensions.smtp_utf8,
                        .eight_bit = extensions.eight_bit,
                        .max_size = extensions.max_size,
                        .seen_at_us = base::NowMicros(clock_)};
  Key key = KeyFor(row);
  const absl::MutexLock lock(&mutex_);
  const auto known = servers_.find(key);
  if (known == servers_.end() && servers_.size() >= kMostServers) return;
  if (known != servers_.end() && SameAbilities(known->second, row) &&
      row.seen_at_us - known->second.seen_at_us < absl::ToInt64Microseconds(kRefresh))
    return;
  unwritten_.push_back(key);
  servers_.insert_or_assign(std::move(key), std::move(row));
}

std::optional<Lore::Abilities> Lore::Of(std::string_view tenant,
                                        std::string_view destination) const {
  const Key prefix = KeyOf(tenant, destination);
  const int64_t oldest_us = absl::ToUnixMicros(clock_.Now() - kLife);
  std::optional<Abilities> abilities;
  bool limited = true;
  const absl::MutexLock lock(&mutex_);
  for (auto it = servers_.lower_bound(prefix);
       it != servers_.end() && it->first.starts_with(prefix); ++it) {
    const DestinationServer& server = it->second;
    if (server.seen_at_us < oldest_us) continue;
    if (!abilities.has_value()) abilities.emplace();
    abilities->smtp_utf8 = abilities->smtp_utf8 || server.smtp_utf8;
    abilities->eight_bit = abilities->eight_bit || server.eight_bit;
    limited = limited && server.max_size > 0;
    abilities->max_size = std::max(abilities->max_size, server.max_size);
  }
  if (abilities.has_value() && !limited) abilities->max_size = 0;
  return abilities;
}

absl::Status Lore::Sync() {
  const int64_t now_us = base::NowMicros(clock_);
  const int64_t oldest_us = now_us - absl::ToInt64Microseconds(kLife);
  std::vector<DestinationServer> learnt;
  {
    const absl::MutexLock lock(&mutex_);
    std::erase_if(servers_, [&](const auto& one) { return one.second.seen_at_us < oldest_us; });
    for (const Key& key : unwritten_) {
      if (const auto found = servers_.find(key); found != servers_.end())
        learnt.push_back(found->second);
    }
    unwritten_.clear();
  }
  if (!learnt.empty()) CLEANMAIL_RETURN_IF_ERROR(store_.SaveServers(learnt, oldest_us));
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<DestinationServer> written,
                             store_.ServersSeenSince(std::max(oldest_us, read_until_us_)));
  read_until_us_ = now_us - absl::ToInt64Microseconds(kOverlap);
  const absl::MutexLock lock(&mutex_);
  for (DestinationServer& row : written) {
    Key key = KeyFor(row);
    const auto known = servers_.find(key);
    if (known == servers_.end() ? servers_.size() >= kMostServers
                                : known->second.seen_at_us >= row.seen_at_us)
      continue;
    servers_.insert_or_assign(std::move(key), std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::egress
