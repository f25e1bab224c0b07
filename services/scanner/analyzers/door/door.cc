#include "services/scanner/analyzers/door/door.h"

#include <optional>

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
  return findings;
}

}  // namespace cleanmail::scanner
