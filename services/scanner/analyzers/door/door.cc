#include "services/scanner/analyzers/door/door.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

using mail::v1::DoorFacts;

std::optional<FindingId> OfHelo(DoorFacts::Helo helo) {
  switch (helo) {
    case DoorFacts::HELO_OURS:
      return FindingId::kHeloOurs;
    case DoorFacts::HELO_WRONG_LITERAL:
    case DoorFacts::HELO_BARE_ADDRESS:
    case DoorFacts::HELO_NOT_QUALIFIED:
    case DoorFacts::HELO_NO_NAME:
      return FindingId::kHeloOdd;
    default:
      return std::nullopt;
  }
}

// What is enough to speak for or against an address, in messages. A recipient that does not exist
// counts half: an honest server may try an old list.
constexpr double kRefusedCounts = 0.5;
constexpr double kEnoughOfAddress = 5;
constexpr double kEnoughOfNetwork = 20;
constexpr double kEnoughGood = 20;
constexpr double kBadShare = 0.8;
constexpr double kBadShareOfNetwork = 0.95;
constexpr double kGoodShare = 0.02;
constexpr double kNetworkWeight = 0.8;  // a neighbour says less

double BadOf(const mail::v1::Reputation& reputation) {
  return reputation.spam() + kRefusedCounts * reputation.refused();
}
double ShareOf(const mail::v1::Reputation& reputation) {
  return BadOf(reputation) / std::max(BadOf(reputation) + reputation.good(), 1e-9);
}

mail::v1::Finding Remembered(FindingId id, std::string_view whose, const std::string& client,
                             const mail::v1::Reputation& reputation) {
  return MakeFinding(
      id,
      absl::StrFormat("%s of %s: %.1f good, %.1f spam, %.1f refused", std::string(whose), client,
                      reputation.good(), reputation.spam(), reputation.refused()),
      "door");
}

std::optional<mail::v1::Finding> OfReputation(const DoorFacts& door, const std::string& client) {
  const mail::v1::Reputation& address = door.address_reputation();
  const mail::v1::Reputation& network = door.network_reputation();
  if (BadOf(address) >= kEnoughOfAddress && ShareOf(address) >= kBadShare)
    return Remembered(FindingId::kReputationBad, "address", client, address);
  if (address.good() >= kEnoughGood && ShareOf(address) <= kGoodShare)
    return Remembered(FindingId::kReputationGood, "address", client, address);
  // Who has shown himself to be good is not judged by his neighbours.
  if (address.good() < 1 && BadOf(network) >= kEnoughOfNetwork &&
      ShareOf(network) >= kBadShareOfNetwork) {
    mail::v1::Finding finding = Remembered(FindingId::kReputationBad, "network", client, network);
    finding.set_weight(kNetworkWeight);
    return finding;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Findings> Door::Analyze(const ParsedMessage& message) {
  Findings findings;
  if (message.envelope == nullptr || !message.envelope->has_door()) return findings;
  const DoorFacts& door = message.envelope->door();
  const std::string& client = message.envelope->session().client_address();
  for (const mail::v1::ListHit& hit : door.lists()) {
    const FindingId id = hit.weight() < 0 ? FindingId::kDnsAllowList : FindingId::kDnsBlockList;
    findings.push_back(
        MakeFinding(id, base::Cat(client, " on ", hit.list(), ": ", hit.label()), name()));
    findings.back().set_weight(hit.weight());
  }
  if (door.iprev() == DoorFacts::IPREV_NONE)
    findings.push_back(MakeFinding(FindingId::kClientNameless, client, name()));
  if (door.iprev() == DoorFacts::IPREV_FAIL)
    findings.push_back(MakeFinding(FindingId::kClientNameUnconfirmed,
                                   base::Cat(client, " as ", door.client_name()), name()));
  if (const auto id = OfHelo(door.helo()); id.has_value())
    findings.push_back(MakeFinding(*id, message.envelope->session().helo(), name()));
  if (auto reputation = OfReputation(door, client); reputation.has_value())
    findings.push_back(*std::move(reputation));
  return findings;
}

}  // namespace cleanmail::scanner
