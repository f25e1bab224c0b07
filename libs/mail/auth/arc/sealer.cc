#include "libs/mail/auth/arc/sealer.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::auth::arc {
namespace {

using dkim::Canonical;

constexpr std::string_view kResults = "ARC-Authentication-Results";
constexpr std::string_view kMessage = "ARC-Message-Signature";
constexpr std::string_view kSeal = "ARC-Seal";

std::string Canonicalised(std::string_view name, std::string_view value) {
  return dkim::CanonicalField(Canonical::kRelaxed, base::Cat(name, ": ", value));
}

// What the new seal covers besides itself: the sets before, but for a chain that failed, of which
// nothing may be trusted to be in order (§5.1.2), and the new results and message signature.
std::string TextBefore(const dkim::HeaderIndex& header, bool failed, const NewSet& set) {
  std::string text;
  if (!failed) {
    for (const Set& each : ReadSets(header).list) {
      text += dkim::CanonicalField(Canonical::kRelaxed, each.results->raw);
      text += dkim::CanonicalField(Canonical::kRelaxed, each.message->raw);
      text += dkim::CanonicalField(Canonical::kRelaxed, each.seal->raw);
    }
  }
  text += Canonicalised(kResults, set.results);
  return text += Canonicalised(kMessage, set.message);
}

}  // namespace

absl::StatusOr<NewSet> MakeSet(const dkim::HeaderIndex& header, std::string_view body_hash,
                               const Verdict& arrived, const results::AuthenticationResults& found,
                               const dkim::Signing& signing) {
  if (!arrived.may_be_sealed) return absl::FailedPreconditionError("the chain has ended");
  const auto algorithm = dkim::AlgorithmOf(signing.key);
  if (!algorithm.has_value()) return absl::InvalidArgumentError("not a key for ARC");
  const size_t instance = header.Named("arc-seal").size() + 1;
  if (instance > kMaxInstances) return absl::FailedPreconditionError("the chain is too long");
  std::vector<std::string> names = dkim::NamesToSign(header);
  names.insert(names.end(), header.Named("dkim-signature").size(), "dkim-signature");
  if (names.size() > dkim::kMaxSignedNames) names.resize(dkim::kMaxSignedNames);
  NewSet set;
  set.results = base::Cat("i=", instance, "; ", results::ToFieldValue(found));
  const std::string who = base::Cat("d=", signing.domain, "; s=", signing.selector,
                                    "; t=", signing.now_seconds, ";\r\n\t");
  CLEANMAIL_ASSIGN_OR_RETURN(
      set.message,
      dkim::Completed(kMessage,
                      base::Cat("i=", instance, "; a=", ToText(*algorithm),
                                "; c=relaxed/relaxed;\r\n\t", who, "h=", dkim::JoinedNames(names),
                                ";\r\n\tbh=", mime::EncodeBase64(body_hash), ";\r\n\tb="),
                      header.Signed(Canonical::kRelaxed, names), signing.key));
  const bool failed = arrived.status == Status::kFail;
  CLEANMAIL_ASSIGN_OR_RETURN(
      set.seal, dkim::Completed(kSeal,
                                base::Cat("i=", instance, "; a=", ToText(*algorithm),
                                          "; cv=", ToText(arrived.status), ";\r\n\t", who, "b="),
                                TextBefore(header, failed, set), signing.key));
  return set;
}

}  // namespace cleanmail::mail::auth::arc
