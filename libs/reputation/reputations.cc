#include "libs/reputation/reputations.h"

#include <cmath>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "libs/base/cat.h"
#include "libs/reputation/networks.h"

namespace cleanmail::reputation {
namespace {

constexpr double kSpamScore = 5.0;  // the line, as in services/README.md
// After so many half-lives nothing of a count is left that would matter.
constexpr int kHalfLivesKept = 8;
constexpr double kMost = 1e6;
// Below this together, there is nothing to tell.
constexpr double kLeast = 0.05;

std::string AddressKey(const net::IpAddress& client) {
  return base::Cat("reputation/", client.ToString());
}
std::string NetworkKey(const net::IpAddress& client) {
  return base::Cat("reputation/net/", NetworkOf(client).ToString());
}

double Sum(const mail::v1::Reputation& reputation) {
  return reputation.good() + reputation.spam() + reputation.refused();
}

}  // namespace

// A value is "good spam refused seconds", the counts as of that second.
absl::StatusOr<mail::v1::Reputation> Reputations::Read(const std::string& key) const {
  const absl::StatusOr<std::string> value = kv_.Get(key);
  if (!value.ok()) return value.status();
  const std::vector<std::string> parts = absl::StrSplit(*value, ' ');
  double counts[3] = {};
  int64_t seconds = 0;
  bool readable = parts.size() == 4 && absl::SimpleAtoi(parts[3], &seconds);
  for (size_t i = 0; readable && i < 3; ++i)
    readable = absl::SimpleAtod(parts[i], &counts[i]) && counts[i] >= 0 && counts[i] <= kMost;
  if (!readable) return absl::NotFoundError("no such value");
  const absl::Duration age =
      std::max(clock_.Now() - absl::FromUnixSeconds(seconds), absl::ZeroDuration());
  const double left = std::exp2(-absl::FDivDuration(age, half_life_));
  mail::v1::Reputation reputation;
  reputation.set_good(counts[0] * left);
  reputation.set_spam(counts[1] * left);
  reputation.set_refused(counts[2] * left);
  return reputation;
}

void Reputations::Add(const std::string& key, Event event, double count) const {
  absl::StatusOr<mail::v1::Reputation> read = Read(key);
  if (!read.ok() && !absl::IsNotFound(read.status())) return;
  mail::v1::Reputation reputation = read.ok() ? *std::move(read) : mail::v1::Reputation();
  switch (event) {
    case Event::kGood:
      reputation.set_good(std::min(reputation.good() + count, kMost));
      break;
    case Event::kSpam:
      reputation.set_spam(std::min(reputation.spam() + count, kMost));
      break;
    case Event::kRefused:
      reputation.set_refused(std::min(reputation.refused() + count, kMost));
      break;
  }
  const std::string value =
      absl::StrFormat("%.3f %.3f %.3f %d", reputation.good(), reputation.spam(),
                      reputation.refused(), absl::ToUnixSeconds(clock_.Now()));
  (void)kv_.Set(key, value, half_life_ * kHalfLivesKept);
}

void Reputations::Note(const net::IpAddress& client, Event event, double count) const {
  Add(AddressKey(client), event, count);
  Add(NetworkKey(client), event, count);
}

void Reputations::Recall(const net::IpAddress& client, mail::v1::DoorFacts& facts) const {
  const auto address = Read(AddressKey(client));
  if (address.ok() && Sum(*address) >= kLeast) *facts.mutable_address_reputation() = *address;
  const auto network = Read(NetworkKey(client));
  if (network.ok() && Sum(*network) >= kLeast) *facts.mutable_network_reputation() = *network;
}

Reputations::Event EventOf(const mail::v1::ScanResult& scan) {
  double score = scan.score();
  for (const mail::v1::Finding& finding : scan.findings()) {
    if (finding.name().starts_with("REPUTATION_")) score -= finding.weight();
  }
  const bool bad =
      score >= kSpamScore || scan.facts().category() == mail::v1::MESSAGE_CATEGORY_MALWARE;
  return bad ? Reputations::Event::kSpam : Reputations::Event::kGood;
}

}  // namespace cleanmail::reputation
