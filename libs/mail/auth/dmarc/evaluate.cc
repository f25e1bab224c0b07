#include "libs/mail/auth/dmarc/evaluate.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dmarc {
namespace {

// What a name has to say.
struct Found {
  bool waiting = false;
  bool trouble = false;
  std::optional<Record> record = std::nullopt;
};

// §4.10 step 2: records of anything else are not seen; of several, none counts.
Found RecordAt(std::string_view domain, Lookups& lookups) {
  const auto* const reply = lookups.Find(base::Cat("_dmarc.", domain), dns::Type::kTxt);
  if (reply == nullptr) return {.waiting = true};
  if (!reply->ok()) return {.trouble = !IsNothing(*reply)};
  const std::string* only = nullptr;
  for (const std::string& text : (*reply)->texts) {
    if (!IsRecord(text)) continue;
    if (only != nullptr) return {};
    only = &text;
  }
  return only == nullptr ? Found{} : Found{.record = ParseRecord(*only)};
}

size_t Labels(std::string_view domain) {
  return static_cast<size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
}

std::string_view Parent(std::string_view domain) {
  const size_t dot = domain.find('.');
  return dot == domain.npos ? std::string_view() : domain.substr(dot + 1);
}

// The names of a walk in order: the domain, then its parents; of long ones the parent of seven
// labels comes next (§4.10).
std::vector<std::string_view> WalkOf(std::string_view domain) {
  std::vector<std::string_view> names = {domain};
  std::string_view next = Parent(domain);
  while (Labels(next) > kMaxWalk - 1) next = Parent(next);
  for (; !next.empty() && names.size() < kMaxWalk; next = Parent(next)) names.push_back(next);
  return names;
}

struct Step {
  std::string_view name;
  Record record;
};

struct Walk {
  std::vector<Step> found = {};  // from the longest name
  bool trouble = false;
};

// §4.10: ends at a record with psd=y or psd=n. All names but the first are asked for at once: most
// walks need them all, and an answer sooner is worth a question more.
std::optional<Walk> TakeWalk(std::string_view domain, Lookups& lookups) {
  Walk walk;
  bool waiting = false;
  bool first = true;
  for (const std::string_view name : WalkOf(domain)) {
    Found found = RecordAt(name, lookups);
    waiting |= found.waiting;
    if (waiting && first) return std::nullopt;
    first = false;
    walk.trouble |= found.trouble;
    if (waiting || !found.record.has_value()) continue;
    walk.found.push_back({.name = name, .record = *std::move(found.record)});
    if (walk.found.back().record.suffix != SuffixFlag::kUnknown) return walk;
  }
  if (waiting) return std::nullopt;
  return walk;
}

// §4.10.2.
std::string_view Organization(std::string_view domain, const Walk& walk) {
  for (const Step& step : walk.found) {
    if (step.record.suffix == SuffixFlag::kNo) return step.name;
    if (step.record.suffix != SuffixFlag::kYes || step.name.size() == domain.size()) continue;
    const std::string_view below = domain.substr(0, domain.size() - step.name.size() - 1);
    const size_t dot = below.rfind('.');
    return dot == below.npos ? domain : domain.substr(dot + 1);
  }
  return walk.found.empty() ? domain : walk.found.back().name;
}

// Whether the author domain does not exist, as RFC 9091 §2.7 checks it; nullopt while waiting.
std::optional<bool> IsNonexistent(std::string_view domain, Lookups& lookups) {
  bool waiting = false, exists = false;
  for (const dns::Type type : {dns::Type::kA, dns::Type::kAaaa, dns::Type::kMx}) {
    const auto* const reply = lookups.Find(domain, type);
    if (reply == nullptr)
      waiting = true;
    else if (!IsNothing(*reply))
      exists = true;  // trouble is not proof of absence
  }
  if (exists) return false;
  if (waiting) return std::nullopt;
  return true;
}

class Evaluation {
 public:
  Evaluation(const Evidence& evidence, Lookups& lookups) : evidence_(evidence), lookups_(lookups) {}

  std::optional<Verdict> Run();

 private:
  // Which record applies (§4.10.1), and what of it; false: waiting.
  bool FindPolicy(const Walk& walk);
  bool ChoosePolicy();
  // false: waiting.
  bool CheckAlignment();
  bool Aligned(std::string_view domain, Alignment mode, bool& aligned);

  const Evidence& evidence_;
  Lookups& lookups_;
  Verdict verdict_;
  bool trouble_ = false;  // a walk for alignment met a name without an answer
};

bool Evaluation::FindPolicy(const Walk& walk) {
  const std::string_view author = evidence_.author;
  verdict_.organization = Organization(author, walk);
  const auto take = [&](const Step& step) {
    verdict_.record = step.record;
    verdict_.record_domain = step.name;
  };
  for (const Step& step : walk.found) {
    if (step.name == author) {
      take(step);
      return ChoosePolicy();
    }
  }
  for (const Step& step : walk.found) {
    if (step.name == verdict_.organization) {
      take(step);
      return ChoosePolicy();
    }
  }
  // The record of the public suffix, where the organization has none.
  if (!walk.found.empty() && walk.found.back().record.suffix == SuffixFlag::kYes)
    take(walk.found.back());
  return ChoosePolicy();
}

bool Evaluation::ChoosePolicy() {
  if (!verdict_.record.has_value()) return true;
  const Record& record = *verdict_.record;
  verdict_.published = record.policy;
  if (verdict_.record_domain == evidence_.author) return true;
  verdict_.published = record.subdomains.value_or(record.policy);
  if (!record.nonexistent.has_value()) return true;
  const auto nonexistent = IsNonexistent(evidence_.author, lookups_);
  if (!nonexistent.has_value()) return false;
  verdict_.nonexistent = *nonexistent;
  if (*nonexistent) verdict_.published = *record.nonexistent;
  return true;
}

// §4.4. An identifier outside the author's organization cannot share it: no walk for that one.
bool Evaluation::Aligned(std::string_view domain, Alignment mode, bool& aligned) {
  aligned = EqualsIgnoreCase(domain, evidence_.author);
  if (aligned || mode == Alignment::kStrict || !IsWithin(domain, verdict_.organization))
    return true;
  const auto organization = OrganizationOf(Lower(domain), lookups_, trouble_);
  if (!organization.has_value()) return false;
  aligned = *organization == verdict_.organization;
  return true;
}

bool Evaluation::CheckAlignment() {
  const Record& record = *verdict_.record;
  bool waiting = false;
  for (const std::string& domain : evidence_.dkim_domains) {
    bool aligned = false;
    waiting |= !Aligned(domain, record.dkim, aligned);
    if (aligned && verdict_.dkim_aligned.empty()) verdict_.dkim_aligned = domain;
  }
  if (evidence_.spf_domain.has_value())
    waiting |= !Aligned(*evidence_.spf_domain, record.spf, verdict_.spf_aligned);
  return !waiting;
}

std::optional<Verdict> Evaluation::Run() {
  verdict_.author = evidence_.author;
  const auto walk = TakeWalk(evidence_.author, lookups_);
  if (!walk.has_value()) return std::nullopt;
  if (!FindPolicy(*walk)) return std::nullopt;
  if (!verdict_.record.has_value()) {
    if (walk->trouble) {
      verdict_.result = Result::kTemperror;
      verdict_.reason = "no answer about the policy";
    }
    return verdict_;
  }
  if (!CheckAlignment()) return std::nullopt;
  const bool aligned = verdict_.spf_aligned || !verdict_.dkim_aligned.empty();
  verdict_.result = aligned ? Result::kPass : Result::kFail;
  if (!aligned && trouble_) {
    verdict_.result = Result::kTemperror;
    verdict_.reason = "no answer about an organization";
  }
  if (verdict_.result != Result::kFail) return verdict_;
  verdict_.applies = verdict_.published;
  if (verdict_.record->testing)
    verdict_.applies = verdict_.published == Policy::kReject ? Policy::kQuarantine : Policy::kNone;
  return verdict_;
}

}  // namespace

std::string_view ToText(Result result) {
  switch (result) {
    case Result::kNone:
      return "none";
    case Result::kPass:
      return "pass";
    case Result::kFail:
      return "fail";
    case Result::kTemperror:
      return "temperror";
    case Result::kPermerror:
      return "permerror";
  }
  return "none";
}

std::optional<std::string> OrganizationOf(std::string_view domain, Lookups& lookups,
                                          bool& trouble) {
  const auto walk = TakeWalk(domain, lookups);
  if (!walk.has_value()) return std::nullopt;
  trouble |= walk->trouble;
  return std::string(Organization(domain, *walk));
}

std::optional<Verdict> Evaluate(const Evidence& evidence, Lookups& lookups) {
  if (!IsLookupName(evidence.author))
    return Verdict{.result = Result::kPermerror,
                   .author = evidence.author,
                   .reason = "the author domain is none"};
  return Evaluation(evidence, lookups).Run();
}

}  // namespace cleanmail::mail::auth::dmarc
