#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/auth/dmarc/record.h"
#include "libs/mail/auth/lookups.h"

namespace cleanmail::mail::auth::dmarc {

// Of one author domain (RFC 7489 §11.2).
enum class Result { kNone, kPass, kFail, kTemperror, kPermerror };
std::string_view ToText(Result result);

// Names a tree walk may ask for (RFC 9989 §4.10).
inline constexpr size_t kMaxWalk = 8;

// What authenticated, for one author domain.
struct Evidence {
  std::string author;                                    // A-labels, lower case
  std::optional<std::string> spf_domain = std::nullopt;  // whose SPF passed (of MAIL FROM, or HELO
                                                         // where that was empty)
  std::vector<std::string> dkim_domains = {};  // d= of signatures for which counts_for_alignment()
};

struct Verdict {
  Result result = Result::kNone;
  std::string author = {};
  std::string record_domain = {};               // where the record was found
  std::string organization = {};                // the author's organizational domain
  std::optional<Record> record = std::nullopt;  // as published
  Policy published = Policy::kNone;  // the one of p, sp, np that is meant for this author
  Policy applies = Policy::kNone;    // what the owner asks for now: on fail, less by one step
                                     // while testing; none on anything but fail
  bool nonexistent = false;          // the author domain does not exist (no A, AAAA or MX)
  bool spf_aligned = false;
  std::string dkim_aligned = {};  // the first domain that aligned
  std::string reason = {};        // on temperror
};

// The organizational domain by the tree walk (RFC 9989 §4.10.2); nullopt while waiting. A name that
// could not be asked about counts as one without a record; `trouble` is set then.
std::optional<std::string> OrganizationOf(std::string_view domain, Lookups& lookups, bool& trouble);

// RFC 9989 §4, §5.3: finds the policy, checks alignment. RFC 7489's records mean the same, but for
// pct= (Record::testing). nullopt while waiting for answers.
std::optional<Verdict> Evaluate(const Evidence& evidence, Lookups& lookups);

}  // namespace cleanmail::mail::auth::dmarc
