#include "libs/mail/auth/spf/check_host.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/mail/auth/spf/address.h"
#include "libs/mail/auth/spf/macros.h"
#include "libs/mail/auth/spf/record.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::spf {
namespace {

constexpr size_t kMaxExplanation = 500;

// What a step of the evaluation may come to besides a plain answer.
enum class Match { kYes, kNo, kWaiting, kTemperror, kPermerror };

// nullopt: waiting for answers.
using Outcome = std::optional<Verdict>;

Verdict Permerror(std::string_view domain, std::string problem) {
  return {
      .result = Result::kPermerror, .domain = std::string(domain), .problem = std::move(problem)};
}

Verdict Temperror(std::string_view domain, std::string_view about) {
  return {.result = Result::kTemperror,
          .domain = std::string(domain),
          .problem = base::Cat("no answer about ", base::Printable(about, 100))};
}

Result ResultOf(char qualifier) {
  switch (qualifier) {
    case '-':
      return Result::kFail;
    case '~':
      return Result::kSoftfail;
    case '?':
      return Result::kNeutral;
    default:
      return Result::kPass;
  }
}

// One evaluation from the start over what is known: with each round of answers it gets further.
class Evaluation {
 public:
  Evaluation(const Query& query, Address client, std::string sender, Lookups& lookups)
      : query_(query), client_(client), sender_(std::move(sender)), lookups_(lookups) {}

  // `outermost`: not within an include, so the explanation counts.
  Outcome Check(const std::string& domain, bool outermost);

  int terms() const { return std::min(terms_, kMaxTerms); }

 private:
  // The record of a domain, or why there is none; `verdict` is set then.
  Outcome Fetch(const std::string& domain, Record& record);
  Outcome Decide(const std::string& domain, const Record& record, bool outermost);
  Outcome FollowRedirect(const std::string& domain, const Record& record, bool outermost);
  Outcome Explain(const std::string& domain, const Record& record, Verdict verdict);

  Match Matches(const std::string& domain, const Directive& directive);
  Match MatchesInclude(const std::string& target);
  Match MatchesA(const std::string& target, const Directive& directive);
  Match MatchesMx(const std::string& target, const Directive& directive);
  Match MatchesPtr(const std::string& target);
  Match MatchesExists(const std::string& target);

  // The names that the client's address has and that lead back to it (§5.5); false: waiting.
  bool ValidatedNames(std::vector<std::string>& names);
  // The expansion as a name; false: waiting.
  bool ExpandTarget(std::string_view spec, const std::string& domain, std::string& target);
  // Whether one of an answer's addresses is the client's, to the prefix.
  bool HasClient(const dns::Answer& answer, int prefix4, int prefix6) const;
  dns::Type AddressType() const { return client_.v6 ? dns::Type::kAaaa : dns::Type::kA; }
  // Counts a term to which the DNS had nothing to say; kPermerror beyond the limit.
  Match Void();
  Match Trouble(std::string_view about);

  const Query& query_;
  const Address client_;
  const std::string sender_;
  Lookups& lookups_;
  int terms_ = 0;
  int void_terms_ = 0;
  std::string problem_;  // of a kTemperror or kPermerror
  std::string path_;     // through includes, of a kYes
};

Match Evaluation::Void() {
  if (++void_terms_ <= kMaxVoidTerms) return Match::kNo;
  problem_ = "too many terms without an answer";
  return Match::kPermerror;
}

Match Evaluation::Trouble(std::string_view about) {
  problem_ = base::Cat("no answer about ", base::Printable(about, 100));
  return Match::kTemperror;
}

bool Evaluation::HasClient(const dns::Answer& answer, int prefix4, int prefix6) const {
  return std::any_of(
      answer.addresses.begin(), answer.addresses.end(), [&](const std::string& text) {
        const auto address = Address::Parse(text);
        return address.has_value() && client_.IsIn(*address, client_.v6 ? prefix6 : prefix4);
      });
}

bool Evaluation::ValidatedNames(std::vector<std::string>& names) {
  const auto* const reverse = lookups_.Find(client_.ToReverseName(), dns::Type::kPtr);
  if (reverse == nullptr) return false;
  if (!reverse->ok()) return true;  // §5.5: an error is no match
  bool waiting = false;
  for (size_t i = 0; i < std::min((*reverse)->names.size(), kMaxPtrNames); ++i) {
    const std::string& name = (*reverse)->names[i];
    const auto* const forward = lookups_.Find(name, AddressType());
    if (forward == nullptr) {
      waiting = true;
    } else if (forward->ok() && HasClient(**forward, 32, 128)) {
      names.push_back(name);
    }
  }
  return !waiting;
}

bool Evaluation::ExpandTarget(std::string_view spec, const std::string& domain,
                              std::string& target) {
  if (spec.empty()) {
    target = domain;
    return true;
  }
  MacroValues values{.sender = sender_, .domain = domain, .client = client_, .helo = query_.helo};
  if (NeedsValidatedName(spec)) {
    std::vector<std::string> names;
    if (!ValidatedNames(names)) return false;
    // §7.3: the domain itself, else one below it, else any.
    for (const std::string& name : names) {
      if (EqualsIgnoreCase(name, domain)) values.validated = name;
    }
    for (const std::string& name : names) {
      if (values.validated.empty() && IsWithin(name, domain)) values.validated = name;
    }
    if (values.validated.empty() && !names.empty()) values.validated = names.front();
  }
  target = ExpandDomain(spec, values);
  return true;
}

Outcome Evaluation::Fetch(const std::string& domain, Record& record) {
  const auto* const reply = lookups_.Find(domain, dns::Type::kTxt);
  if (reply == nullptr) return std::nullopt;
  Verdict none{.result = Result::kNone, .domain = domain};
  if (!reply->ok()) return IsNothing(*reply) ? none : Temperror(domain, domain);
  const std::string* found = nullptr;
  for (const std::string& text : (*reply)->texts) {
    if (!IsRecord(text)) continue;
    if (found != nullptr) return Permerror(domain, "more than one record");  // §4.5
    found = &text;
  }
  if (found == nullptr) return none;
  auto parsed = ParseRecord(*found);
  if (!parsed.ok()) return Permerror(domain, std::string(parsed.status().message()));
  record = *std::move(parsed);
  return Verdict{.result = Result::kPass, .domain = domain};
}

Outcome Evaluation::Check(const std::string& domain, bool outermost) {
  Record record;
  Outcome fetched = Fetch(domain, record);
  if (!fetched.has_value() || fetched->result != Result::kPass) return fetched;
  return Decide(domain, record, outermost);
}

Outcome Evaluation::Decide(const std::string& domain, const Record& record, bool outermost) {
  for (const Directive& directive : record.directives) {
    path_.clear();
    switch (Matches(domain, directive)) {
      case Match::kNo:
        continue;
      case Match::kWaiting:
        return std::nullopt;
      case Match::kTemperror:
        return Verdict{.result = Result::kTemperror, .domain = domain, .problem = problem_};
      case Match::kPermerror:
        return Permerror(domain, problem_);
      case Match::kYes:
        break;
    }
    Verdict verdict{.result = ResultOf(directive.qualifier), .domain = domain};
    verdict.mechanism = path_.empty() ? directive.text : base::Cat(directive.text, " > ", path_);
    return outermost && verdict.result == Result::kFail
               ? Explain(domain, record, std::move(verdict))
               : verdict;
  }
  if (!record.redirect.empty()) return FollowRedirect(domain, record, outermost);
  return Verdict{.result = Result::kNeutral, .domain = domain, .mechanism = "default"};
}

Outcome Evaluation::FollowRedirect(const std::string& domain, const Record& record,
                                   bool outermost) {
  if (++terms_ > kMaxTerms) return Permerror(domain, "too many terms that ask the DNS");
  std::string target;
  if (!ExpandTarget(record.redirect, domain, target)) return std::nullopt;
  Outcome outcome = Check(target, outermost);
  if (outcome.has_value() && outcome->result == Result::kNone)  // §6.1
    return Permerror(domain, base::Cat("redirect to no record: ", base::Printable(target, 100)));
  return outcome;
}

Outcome Evaluation::Explain(const std::string& domain, const Record& record, Verdict verdict) {
  if (record.explanation.empty()) return verdict;
  std::string target;
  if (!ExpandTarget(record.explanation, domain, target)) return std::nullopt;
  const auto* const reply = lookups_.Find(target, dns::Type::kTxt);
  if (reply == nullptr) return std::nullopt;
  if (!reply->ok() || (*reply)->texts.size() != 1) return verdict;
  const std::string& text = (*reply)->texts.front();
  if (!IsMacroString(text, true)) return verdict;
  std::string validated;
  if (NeedsValidatedName(text) && !ExpandTarget("%{p}", domain, validated)) return std::nullopt;
  verdict.explanation = Expand(text, {.sender = sender_,
                                      .domain = domain,
                                      .client = client_,
                                      .helo = query_.helo,
                                      .validated = validated,
                                      .receiver = query_.receiver,
                                      .now_seconds = query_.now_seconds});
  // Macros may bring in what the sender wrote: it must stay one line of US-ASCII.
  const bool plain = std::all_of(verdict.explanation.begin(), verdict.explanation.end(),
                                 [](char c) { return c >= 0x20 && c < 0x7F; });
  if (!plain) verdict.explanation.clear();
  verdict.explanation.resize(std::min(verdict.explanation.size(), kMaxExplanation));
  return verdict;
}

Match Evaluation::Matches(const std::string& domain, const Directive& directive) {
  switch (directive.kind) {
    case Kind::kAll:
      return Match::kYes;
    case Kind::kIp4:
    case Kind::kIp6: {
      const int prefix = directive.network.v6 ? directive.prefix6 : directive.prefix4;
      return client_.IsIn(directive.network, prefix) ? Match::kYes : Match::kNo;
    }
    case Kind::kInclude:
    case Kind::kA:
    case Kind::kMx:
    case Kind::kPtr:
    case Kind::kExists:
      break;
  }
  if (++terms_ > kMaxTerms) {
    problem_ = "too many terms that ask the DNS";
    return Match::kPermerror;
  }
  std::string target;
  if (!ExpandTarget(directive.domain, domain, target)) return Match::kWaiting;
  switch (directive.kind) {
    case Kind::kInclude:
      return MatchesInclude(target);
    case Kind::kA:
      return MatchesA(target, directive);
    case Kind::kMx:
      return MatchesMx(target, directive);
    case Kind::kPtr:
      return MatchesPtr(target);
    case Kind::kExists:
      return MatchesExists(target);
    case Kind::kAll:
    case Kind::kIp4:
    case Kind::kIp6:
      break;
  }
  return Match::kNo;
}

// §5.2. Recursion ends at the limit of terms.
Match Evaluation::MatchesInclude(const std::string& target) {
  const Outcome outcome = Check(target, false);
  if (!outcome.has_value()) return Match::kWaiting;
  switch (outcome->result) {
    case Result::kPass:
      path_ = outcome->mechanism;
      return Match::kYes;
    case Result::kNeutral:
    case Result::kFail:
    case Result::kSoftfail:
      return Match::kNo;
    case Result::kTemperror:
      problem_ = outcome->problem;
      return Match::kTemperror;
    case Result::kPermerror:
      problem_ = outcome->problem;
      return Match::kPermerror;
    case Result::kNone:
      break;
  }
  problem_ = base::Cat("include of no record: ", base::Printable(target, 100));
  return Match::kPermerror;
}

Match Evaluation::MatchesA(const std::string& target, const Directive& directive) {
  const auto* const reply = lookups_.Find(target, AddressType());
  if (reply == nullptr) return Match::kWaiting;
  if (IsNothing(*reply) || (reply->ok() && (*reply)->addresses.empty())) return Void();
  if (!reply->ok()) return Trouble(target);
  return HasClient(**reply, directive.prefix4, directive.prefix6) ? Match::kYes : Match::kNo;
}

// §5.4. All the names' addresses are asked for at once.
Match Evaluation::MatchesMx(const std::string& target, const Directive& directive) {
  const auto* const reply = lookups_.Find(target, dns::Type::kMx);
  if (reply == nullptr) return Match::kWaiting;
  if (IsNothing(*reply) || (reply->ok() && (*reply)->mx.empty())) return Void();
  if (!reply->ok()) return Trouble(target);
  if ((*reply)->mx.size() > kMaxMxNames) {
    problem_ = base::Cat("too many MX names: ", base::Printable(target, 100));
    return Match::kPermerror;
  }
  bool waiting = false;
  for (const dns::MxRecord& mx : (*reply)->mx) {
    const auto* const addresses = lookups_.Find(mx.exchange, AddressType());
    if (addresses == nullptr) {
      waiting = true;
    } else if (!waiting && !addresses->ok() && !IsNothing(*addresses)) {
      return Trouble(mx.exchange);
    } else if (!waiting && addresses->ok() &&
               HasClient(**addresses, directive.prefix4, directive.prefix6)) {
      return Match::kYes;
    }
  }
  return waiting ? Match::kWaiting : Match::kNo;
}

Match Evaluation::MatchesPtr(const std::string& target) {
  std::vector<std::string> names;
  if (!ValidatedNames(names)) return Match::kWaiting;
  const auto* const reverse = lookups_.Find(client_.ToReverseName(), dns::Type::kPtr);
  if (reverse != nullptr && IsNothing(*reverse)) return Void();
  const bool within = std::any_of(names.begin(), names.end(),
                                  [&](const std::string& name) { return IsWithin(name, target); });
  return within ? Match::kYes : Match::kNo;
}

// §5.7: always A, whatever the client's family.
Match Evaluation::MatchesExists(const std::string& target) {
  const auto* const reply = lookups_.Find(target, dns::Type::kA);
  if (reply == nullptr) return Match::kWaiting;
  if (IsNothing(*reply) || (reply->ok() && (*reply)->addresses.empty())) return Void();
  return reply->ok() ? Match::kYes : Trouble(target);
}

}  // namespace

std::string_view ToText(Result result) {
  switch (result) {
    case Result::kNone:
      return "none";
    case Result::kNeutral:
      return "neutral";
    case Result::kPass:
      return "pass";
    case Result::kFail:
      return "fail";
    case Result::kSoftfail:
      return "softfail";
    case Result::kTemperror:
      return "temperror";
    case Result::kPermerror:
      return "permerror";
  }
  return "none";
}

std::optional<Verdict> CheckHost(const Query& query, Lookups& lookups) {
  const auto client = Address::Parse(query.client);
  const size_t at = query.sender.rfind('@');
  std::string domain = query.sender.empty()      ? query.helo
                       : at == query.sender.npos ? query.sender
                                                 : query.sender.substr(at + 1);
  if (domain.ends_with('.')) domain.pop_back();
  std::string sender =
      at == query.sender.npos || at == 0 ? base::Cat("postmaster@", domain) : query.sender;
  // §4.3: a name that cannot have a record, an address literal, a single label.
  const bool possible =
      IsLookupName(domain) && domain.find('.') != domain.npos && domain.find('[') == domain.npos;
  if (!client.has_value() || !possible)
    return Verdict{.result = Result::kNone, .domain = base::Printable(domain, 253)};
  Evaluation evaluation(query, *client, std::move(sender), lookups);
  Outcome outcome = evaluation.Check(domain, true);
  if (outcome.has_value()) outcome->terms = evaluation.terms();
  return outcome;
}

}  // namespace cleanmail::mail::auth::spf
