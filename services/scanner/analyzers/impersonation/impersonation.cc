#include "services/scanner/analyzers/impersonation/impersonation.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/mail/address/public_suffix.h"
#include "services/scanner/analyzers/impersonation/free_mail.h"
#include "services/scanner/analyzers/impersonation/names.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

namespace auth = mail::auth;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

bool IsWithin(std::string_view domain, std::string_view of) {
  return domain == of || (domain.size() > of.size() && domain.ends_with(of) &&
                          domain[domain.size() - of.size() - 1] == '.');
}

bool IsWithinAny(std::string_view domain, const std::vector<std::string>& domains) {
  return std::ranges::any_of(domains,
                             [&](const std::string& one) { return IsWithin(domain, one); });
}

std::string Registrable(const std::string& domain) {
  std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(domain);
  return found.empty() ? domain : found;
}

bool IsFreeMail(std::string_view domain) {
  return std::ranges::find(kFreeMail, domain) != std::end(kFreeMail);
}

// What is known of whether a domain's owner sent the message.
enum class Proof { kProven, kNot, kUnknown };

Proof ProofOf(const SenderAuthentication* found, const std::string& domain) {
  if (found == nullptr) return Proof::kUnknown;
  const std::string registrable = Registrable(domain);
  if (found->dmarc.has_value() && found->dmarc->result == auth::dmarc::Result::kPass &&
      Registrable(found->dmarc->author) == registrable)
    return Proof::kProven;
  bool unknown = false;
  if (found->spf.has_value() && Registrable(found->spf->domain) == registrable) {
    if (found->spf->result == auth::spf::Result::kPass) return Proof::kProven;
    unknown |= found->spf->result == auth::spf::Result::kTemperror;
  }
  for (const auth::dkim::Verdict& verdict : found->dkim) {
    if (Registrable(verdict.field.domain) != registrable) continue;
    if (verdict.counts_for_alignment()) return Proof::kProven;
    unknown |= verdict.result == auth::dkim::Result::kTemperror;
  }
  return unknown ? Proof::kUnknown : Proof::kNot;
}

std::vector<Correspondent> Named(const ParsedMessage& message, std::string_view field_name) {
  std::vector<Correspondent> all;
  for (const mail::mime::Field& field : message.header.fields()) {
    if (Lower(field.name) != field_name || all.size() >= kMostCorrespondents) continue;
    std::ranges::move(ReadCorrespondents(field.raw_value()), std::back_inserter(all));
  }
  return all;
}

std::string ShownAs(const Correspondent& one) {
  return base::Cat(one.name.empty() ? "" : base::Cat("\"", one.name, "\" "), "<", one.local, "@",
                   one.domain, ">");
}

}  // namespace

// What one message pretends.
class Impersonation::Look {
 public:
  Look(const ParsedMessage& message, const Profile& profile)
      : message_(message), profile_(profile) {}

  Findings Run() && {
    const std::vector<Correspondent> from = Named(message_, "from");
    for (const Correspondent& author : from) JudgeAuthor(author);
    const std::vector<Correspondent> reply = Named(message_, "reply-to");
    for (const Correspondent& one : reply) {
      if (!IsOurs(one.domain)) JudgeDomain(one.domain, "Reply-To");
    }
    if (!from.empty()) JudgeReply(from.front(), reply);
    return std::move(findings_);
  }

 private:
  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) findings_.push_back(MakeFinding(id, evidence, "impersonation"));
  }
  bool IsOwn(std::string_view domain) const { return IsWithinAny(domain, profile_.own); }
  bool IsOurs(std::string_view domain) const {
    return domain.empty() || IsOwn(domain) || IsWithinAny(domain, profile_.friends);
  }

  void JudgeAuthor(const Correspondent& author) {
    const Proof proof = ProofOf(message_.authentication, author.domain);
    if (IsOwn(author.domain)) {
      if (proof == Proof::kNot) Once(FindingId::kOwnDomainForged, author.domain);
      return;
    }
    JudgeName(author, proof);
    JudgeAddressInName(author);
    if (!IsOurs(author.domain)) JudgeDomain(author.domain, "From");
  }

  // A name without words of its own is shown as what stands before the at sign.
  void JudgeName(const Correspondent& author, Proof proof) {
    const std::set<std::string> words = NameWords(author.name.empty() ? author.local : author.name);
    const std::string address = base::Cat(author.local, "@", author.domain);
    for (const Person& person : profile_.people) {
      if (!ShowsName(words, person.words)) continue;
      if (person.addresses.contains(address) && proof != Proof::kNot) continue;
      Once(FindingId::kProtectedName, base::Cat(ShownAs(author), " shows ", person.name));
    }
  }

  void JudgeAddressInName(const Correspondent& author) {
    for (const std::string& domain : DomainsInName(author.name)) {
      if (Registrable(domain) == Registrable(author.domain)) continue;
      Once(IsOwn(domain) ? FindingId::kOwnAddressShown : FindingId::kNameHoldsAddress,
           ShownAs(author));
    }
  }

  void JudgeDomain(const std::string& domain, std::string_view where) {
    for (const GuardedDomain& guarded : profile_.guarded) {
      const Likeness likeness = Resembles(domain, guarded);
      if (likeness == Likeness::kNone) continue;
      Once(likeness == Likeness::kLookalike ? FindingId::kLookalikeDomain
                                            : FindingId::kSimilarDomain,
           base::Cat(where, ": ", domain, " resembles ", guarded.domain));
    }
  }

  // Lists set Reply-To for honest reasons.
  void JudgeReply(const Correspondent& author, const std::vector<Correspondent>& reply) {
    if (message_.header.Find("List-Id") != nullptr || message_.header.Find("List-Post") != nullptr)
      return;
    for (const Correspondent& one : reply) {
      if (IsFreeMail(one.domain) && one.domain != author.domain && !author.domain.empty())
        Once(FindingId::kReplyElsewhere,
             base::Cat("from ", author.domain, ", answers to ", one.domain));
    }
  }

  const ParsedMessage& message_;
  const Profile& profile_;
  Findings findings_;
  std::set<FindingId> said_;
};

std::shared_ptr<const Impersonation::Profile> Impersonation::MakeProfile(
    const provisioning::v1::Impersonation& settings, std::vector<std::string> own) {
  auto profile = std::make_shared<Profile>();
  settings.SerializeToString(&profile->settings);
  for (const provisioning::v1::ProtectedPerson& named : settings.protected_people()) {
    Person person{.name = named.name(), .words = NameWords(named.name()), .addresses = {}};
    for (const std::string& address : named.addresses()) person.addresses.insert(Lower(address));
    profile->people.push_back(std::move(person));
  }
  for (const std::string& domain : own) profile->guarded.emplace_back(domain);
  for (const std::string& domain : settings.extra_domains()) {
    profile->friends.push_back(domain);
    profile->guarded.emplace_back(domain);
  }
  profile->own = std::move(own);
  return profile;
}

std::shared_ptr<const Impersonation::Profile> Impersonation::ProfileOf(const std::string& tenant) {
  const auto found = directory_.FindTenant(tenant);
  if (!found.has_value() || !found->impersonation().enabled()) return nullptr;
  std::vector<std::string> own = directory_.DomainsOf(tenant);
  const std::string settings = found->impersonation().SerializeAsString();
  {
    const absl::MutexLock lock(&mutex_);
    const auto known = profiles_.find(tenant);
    if (known != profiles_.end() && known->second->settings == settings &&
        known->second->own == own)
      return known->second;
  }
  auto profile = MakeProfile(found->impersonation(), std::move(own));
  const absl::MutexLock lock(&mutex_);
  profiles_.insert_or_assign(tenant, profile);
  return profile;
}

bool Impersonation::IsFirstTime(const mail::v1::Message& message, const Correspondent& sender) {
  std::set<std::string> domains;
  for (const std::string& recipient : message.envelope().recipients())
    domains.insert(Lower(std::string_view(recipient).substr(recipient.rfind('@') + 1)));
  bool first = false;
  for (const std::string& domain : domains) {
    const std::string key = base::Cat(
        "scanner/sender/", crypto::Sha256Hex(base::Cat(message.tenant(), "|", domain, "|",
                                                       sender.local, "@", sender.domain)));
    const absl::StatusOr<std::string> by = kv_.Get(key);
    if (!by.ok() && !absl::IsNotFound(by.status())) return false;  // away: nobody knows
    // Scanned again, the first message is still the first.
    first |= !by.ok() || *by == message.id();
    kv_.Set(key, by.ok() ? *by : message.id(), kSenderRemembered).IgnoreError();
  }
  return first;
}

absl::StatusOr<Findings> Impersonation::Analyze(const ParsedMessage& message) {
  if (message.envelope == nullptr || message.envelope->direction() != mail::v1::DIRECTION_INBOUND)
    return Findings{};
  const std::shared_ptr<const Profile> profile = ProfileOf(message.envelope->tenant());
  if (profile == nullptr) return Findings{};
  Findings findings = Look(message, *profile).Run();
  const std::vector<Correspondent> from = Named(message, "from");
  if (!from.empty() && !from.front().domain.empty() &&
      !IsWithinAny(from.front().domain, profile->own) &&
      IsFirstTime(*message.envelope, from.front()))
    findings.push_back(MakeFinding(FindingId::kFirstTimeSender, ShownAs(from.front()), name()));
  return findings;
}

}  // namespace cleanmail::scanner
