#pragma once

#include <array>
#include <string>
#include <string_view>

#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::scanner {

// Everything the scanner can say. An analyzer names an entry here; what is not listed does not
// compile.
enum class FindingId {
  kGtube,
  kMalware,
  kEngineLimit,
  kCouldNotScan,
  kTooManyParts,
  kTooDeep,
  kBodyUnreadable,
};

// One entry of the catalogue.
struct CatalogueEntry {
  FindingId id;
  std::string_view name;  // as in events, logs and screens
  mail::v1::FindingCategory category;
  double weight;             // what it adds to the score
  std::string_view meaning;  // one sentence
  std::string_view advice;   // what an administrator or help desk may do
};

inline constexpr std::array kCatalogue = {
    CatalogueEntry{FindingId::kGtube, "GTUBE", mail::v1::FINDING_CATEGORY_SPAM, 1000,
                   "The message carries the Generic Test for Unsolicited Bulk Email.",
                   "Somebody tests the filter. Nothing needs to be done."},
    CatalogueEntry{FindingId::kMalware, "MALWARE", mail::v1::FINDING_CATEGORY_MALWARE, 0,
                   "An engine knows the message or an attachment as malware; the evidence is the "
                   "signature's name.",
                   "Do not release it. If the sender is known, tell him by another way that his "
                   "machine may be infected."},
    CatalogueEntry{
        FindingId::kEngineLimit, "ENGINE_LIMIT", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "The message is larger or more deeply packed than the malware engine looks into.",
        "Raise the engine's limits (the warning at start says which), or have the files sent "
        "another way."},
    CatalogueEntry{
        FindingId::kCouldNotScan, "COULD_NOT_SCAN", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "A working engine failed on this message again and again.",
        "It is scanned again from time to time. Release it only if its origin is beyond doubt."},
    CatalogueEntry{FindingId::kTooManyParts, "TOO_MANY_PARTS",
                   mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The message has more MIME parts than are looked at.",
                   "Legitimate mail has a few dozen. Ask the sender how it was made."},
    CatalogueEntry{FindingId::kTooDeep, "TOO_DEEP", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
                   "The message is nested more deeply than is looked into.",
                   "Legitimate mail is nested a few levels. Ask the sender how it was made."},
    CatalogueEntry{
        FindingId::kBodyUnreadable, "BODY_UNREADABLE", mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0,
        "The stored message cannot be read: it is over, damaged, or its key is gone.",
        "Look at the log of the gateway for the reason; ask the sender to send it again."},
};

consteval bool CatalogueIsInOrder() {
  for (size_t i = 0; i < kCatalogue.size(); ++i) {
    if (kCatalogue[i].id != static_cast<FindingId>(i)) return false;
  }
  return true;
}
static_assert(CatalogueIsInOrder(), "the entries stand in the order of FindingId, each once");

constexpr const CatalogueEntry& EntryOf(FindingId id) {
  return kCatalogue[static_cast<size_t>(id)];
}

// The finding `id` with its evidence (hostile text, cut to 200 characters), said by `analyzer`.
mail::v1::Finding MakeFinding(FindingId id, std::string_view evidence, std::string_view analyzer);

}  // namespace cleanmail::scanner
