#include "libs/mail/auth/arc/chain.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/auth/dkim/tag_list.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::arc {
namespace {

constexpr char kTooManySets[] = "too many sets";

using dkim::Canonical;

absl::Status Bad(std::string_view why) { return absl::InvalidArgumentError(base::AbslView(why)); }

std::optional<int> ParseInstance(std::string_view text) {
  const auto number = ParseNumber(Trim(text));
  if (!number.has_value() || *number < 1 || *number > kMaxInstances) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<Status> ParseStatus(std::string_view text) {
  for (const Status each : {Status::kNone, Status::kPass, Status::kFail})
    if (EqualsIgnoreCase(text, ToText(each))) return each;
  return std::nullopt;
}

// The instance of an ARC-Message-Signature or ARC-Seal, however wrong the rest of it is.
std::optional<int> TaggedInstance(std::string_view value) {
  if (value.size() > kMaxSealBytes) return std::nullopt;
  const auto tags = dkim::TagList::Parse(value);
  return tags.ok() ? ParseInstance(tags->Value("i")) : std::nullopt;
}

}  // namespace

std::string_view ToText(Status status) {
  switch (status) {
    case Status::kNone:
      return "none";
    case Status::kPass:
      return "pass";
    case Status::kFail:
      return "fail";
  }
  return "none";
}

absl::StatusOr<Seal> ParseSeal(std::string_view value) {
  if (value.size() > kMaxSealBytes) return Bad("the seal is too long");
  CLEANMAIL_ASSIGN_OR_RETURN(const dkim::TagList tags, dkim::TagList::Parse(value));
  for (const char* forbidden : {"h", "bh"})
    if (tags.Find(forbidden) != nullptr) return Bad("a seal covers no chosen fields and no body");
  Seal seal;
  const auto instance = ParseInstance(tags.Value("i"));
  const auto algorithm = dkim::ParseAlgorithm(tags.Value("a"));
  const auto claimed = ParseStatus(tags.Value("cv"));
  const auto domain = address::NormalizeDomain(tags.Value("d"));
  const auto selector = address::NormalizeDomain(tags.Value("s"));
  const auto signature = StrictBase64(tags.Value("b"));
  if (!instance.has_value()) return Bad("no instance");
  if (!algorithm.has_value()) return Bad("unknown algorithm");
  if (!claimed.has_value()) return Bad("no cv=");
  if (!domain.ok() || !selector.ok()) return Bad("d= or s= is no name");
  if (!signature.has_value() || signature->empty()) return Bad("b= is not base64");
  seal.instance = *instance;
  seal.algorithm = *algorithm;
  seal.claimed = *claimed;
  seal.domain = *domain;
  seal.selector = *selector;
  seal.signature = *signature;
  seal.made = ParseNumber(tags.Value("t"));
  return seal;
}

// The grammar of §4.1.1: [CFWS] "i" [CFWS] "=" [CFWS] instance [CFWS] ";". Comments there are
// nobody's use and a parser's difference: they are not taken.
std::optional<Instanced> ReadInstance(std::string_view value) {
  const size_t end = value.find(';');
  if (end == value.npos) return std::nullopt;
  const std::string_view first = Trim(value.substr(0, end));
  const size_t equals = first.find('=');
  if (equals == first.npos || Trim(first.substr(0, equals)) != "i") return std::nullopt;
  const auto instance = ParseInstance(first.substr(equals + 1));
  if (!instance.has_value()) return std::nullopt;
  return Instanced{.instance = *instance, .rest = value.substr(end + 1)};
}

Sets ReadSets(const dkim::HeaderIndex& header) {
  Sets sets;
  const auto& results = header.Named("arc-authentication-results");
  const auto& messages = header.Named("arc-message-signature");
  const auto& seals = header.Named("arc-seal");
  const size_t count = seals.size();
  if (results.size() != count || messages.size() != count) {
    sets.problem = "a set is not complete";
    return sets;
  }
  if (count > kMaxInstances) {
    sets.problem = kTooManySets;
    return sets;
  }
  sets.list.resize(count);
  const auto place = [&](std::optional<int> instance, const mime::Field* field,
                         const mime::Field* Set::*part) {
    const bool fits = instance.has_value() && static_cast<size_t>(*instance) <= count &&
                      sets.list[static_cast<size_t>(*instance) - 1].*part == nullptr;
    if (fits)
      sets.list[static_cast<size_t>(*instance) - 1].*part = field;
    else
      sets.problem = "instances are missing or stand twice";
  };
  for (const mime::Field* const field : results) {
    const auto read = ReadInstance(field->raw_value());
    place(read.has_value() ? std::optional(read->instance) : std::nullopt, field, &Set::results);
  }
  for (const mime::Field* const field : messages)
    place(TaggedInstance(field->raw_value()), field, &Set::message);
  for (const mime::Field* const field : seals)
    place(TaggedInstance(field->raw_value()), field, &Set::seal);
  return sets;
}

bool MayBeSealed(const Sets& sets) {
  if (sets.problem == kTooManySets || sets.list.size() >= kMaxInstances) return false;
  if (!sets.problem.empty() || sets.list.empty()) return true;
  const auto newest = ParseSeal(sets.list.back().seal->raw_value());
  return !newest.ok() || newest->claimed != Status::kFail;
}

std::string SealedText(const std::vector<Set>& list) {
  std::string text;
  for (const Set& set : list) {
    text += CanonicalField(Canonical::kRelaxed, set.results->raw);
    text += CanonicalField(Canonical::kRelaxed, set.message->raw);
    text += CanonicalField(Canonical::kRelaxed, &set == &list.back()
                                                    ? dkim::WithoutSignature(set.seal->raw)
                                                    : std::string(set.seal->raw));
  }
  text.resize(text.size() - 2);
  return text;
}

}  // namespace cleanmail::mail::auth::arc
