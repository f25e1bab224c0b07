#include "libs/mail/auth/dmarc/record.h"

#include <map>

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dmarc {
namespace {

constexpr size_t kMaxUris = 20;

using Tags = std::map<std::string, std::string_view, std::less<>>;

// Names in lower case; the first of a name counts. Pieces that are no tags are passed over.
Tags ReadTags(std::string_view text) {
  Tags tags;
  for (const std::string_view piece : Split(text, ';')) {
    const size_t equals = piece.find('=');
    if (equals != piece.npos)
      tags.emplace(Lower(Trim(piece.substr(0, equals))), Trim(piece.substr(equals + 1)));
  }
  return tags;
}

std::string_view Value(const Tags& tags, std::string_view name) {
  const auto found = tags.find(name);
  return found == tags.end() ? std::string_view() : found->second;
}

std::optional<Policy> ParsePolicy(std::string_view text) {
  for (const Policy each : {Policy::kNone, Policy::kQuarantine, Policy::kReject})
    if (EqualsIgnoreCase(text, ToText(each))) return each;
  return std::nullopt;
}

Alignment ParseAlignment(std::string_view text) {
  return EqualsIgnoreCase(text, "s") ? Alignment::kStrict : Alignment::kRelaxed;
}

std::vector<std::string> ParseUris(std::string_view text) {
  std::vector<std::string> uris;
  for (const std::string_view piece : Split(text, ',')) {
    const std::string_view uri = Trim(piece);
    const size_t colon = uri.find(':');
    const bool sound = colon != uri.npos && colon > 0 && colon + 1 < uri.size() &&
                       uri.find_first_of(" \t\r\n<>\"") == uri.npos;
    if (sound && uris.size() < kMaxUris) uris.emplace_back(uri);
  }
  return uris;
}

}  // namespace

std::string_view ToText(Policy policy) {
  switch (policy) {
    case Policy::kNone:
      return "none";
    case Policy::kQuarantine:
      return "quarantine";
    case Policy::kReject:
      return "reject";
  }
  return "none";
}

bool IsRecord(std::string_view text) {
  const std::string_view first = text.substr(0, text.find(';'));
  const size_t equals = first.find('=');
  return equals != first.npos && EqualsIgnoreCase(Trim(first.substr(0, equals)), "v") &&
         Trim(first.substr(equals + 1)) == "DMARC1";
}

std::optional<Record> ParseRecord(std::string_view text) {
  if (!IsRecord(text) || text.size() > kMaxRecordBytes) return std::nullopt;
  const Tags tags = ReadTags(text);
  Record record;
  record.dkim = ParseAlignment(Value(tags, "adkim"));
  record.spf = ParseAlignment(Value(tags, "aspf"));
  const std::string_view suffix = Value(tags, "psd");
  record.suffix = EqualsIgnoreCase(suffix, "y")   ? SuffixFlag::kYes
                  : EqualsIgnoreCase(suffix, "n") ? SuffixFlag::kNo
                                                  : SuffixFlag::kUnknown;
  const auto percent = ParseNumber(Value(tags, "pct"));
  if (percent.has_value() && *percent <= 100) record.percent = static_cast<int>(*percent);
  record.testing =
      EqualsIgnoreCase(Value(tags, "t"), "y") || (!tags.contains("t") && record.percent == 0);
  record.aggregate = ParseUris(Value(tags, "rua"));
  record.failure = ParseUris(Value(tags, "ruf"));
  if (const std::string_view options = Value(tags, "fo"); !options.empty())
    record.failure_options = options.substr(0, 20);
  const auto policy = ParsePolicy(Value(tags, "p"));
  record.subdomains = ParsePolicy(Value(tags, "sp"));
  record.nonexistent = ParsePolicy(Value(tags, "np"));
  const bool sound = policy.has_value() && tags.contains("sp") == record.subdomains.has_value() &&
                     tags.contains("np") == record.nonexistent.has_value();
  if (sound) {
    record.policy = *policy;
    return record;
  }
  if (record.aggregate.empty()) return std::nullopt;
  record.subdomains = record.nonexistent = std::nullopt;
  return record;  // p=none
}

}  // namespace cleanmail::mail::auth::dmarc
