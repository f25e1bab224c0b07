#include "services/egress/delivery/sealer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <sys/stat.h>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/public_key.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/auth/arc/sealer.h"

namespace cleanmail::egress {
namespace {

namespace arc = mail::auth::arc;
namespace results = mail::auth::results;

constexpr int kFewestRsaBits = 2048;

absl::Status Wrong(std::string_view setting, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat("egress.arc.", setting, ": ", why));
}

absl::StatusOr<std::shared_ptr<const crypto::SigningKey>> ReadKey(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0)
    return Wrong("key_file", base::Cat("\"", path, "\": ", std::strerror(errno)));
  if ((file.st_mode & 0027) != 0)
    return Wrong("key_file", base::Cat("\"", path,
                                       "\" may be read by others, or changed by its "
                                       "group: `chmod 600` it"));
  std::ifstream in(path);
  const std::string pem((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto key = crypto::SigningKey::FromPem(pem);
  if (!key.ok()) return Wrong("key_file", base::Cat("\"", path, "\": ", key.status().message()));
  const auto half = (*key)->kind() == crypto::KeyKind::kRsa
                        ? crypto::PublicKey::Rsa((*key)->PublicBytes())
                        : absl::InvalidArgumentError("no RSA key");
  if (!half.ok() || half->bits() < kFewestRsaBits)
    return Wrong("key_file",
                 base::Cat("\"", path, "\" needs an RSA key of at least ", kFewestRsaBits,
                           " bits: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"));
  return key;
}

// What the chain of the message was worth when it came, and whether a set may be added.
absl::StatusOr<arc::Verdict> Arrived(const mail::auth::dkim::HeaderIndex& header,
                                     const results::AuthenticationResults& found) {
  arc::Verdict verdict;
  const arc::Sets sets = arc::ReadSets(header);
  const auto said = std::ranges::find(found.results, "arc", &results::MethodResult::method);
  if (said == found.results.end()) {
    if (!sets.problem.empty() || !sets.list.empty())
      return absl::FailedPreconditionError("nobody knows what its chain is worth");
    return verdict;
  }
  const bool doubtful =
      std::ranges::any_of(said->properties, [](const results::Property& property) {
        return property.type == "policy" && property.name == "temporary";
      });
  if (doubtful) return absl::FailedPreconditionError("its chain could not be checked");
  verdict.status = said->result == "pass"   ? arc::Status::kPass
                   : said->result == "none" ? arc::Status::kNone
                                            : arc::Status::kFail;
  verdict.may_be_sealed = arc::MayBeSealed(sets);
  return verdict;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sealer>> Sealer::Create(const v1::Arc& settings,
                                                       const base::Clock& clock) {
  v1::Arc normal = settings;
  for (const auto& [name, value] : {std::pair{"domain", normal.mutable_domain()},
                                    std::pair{"selector", normal.mutable_selector()}}) {
    const auto domain = mail::address::NormalizeDomain(*value);
    if (!domain.ok())
      return Wrong(name, value->empty() ? "needed: the public key stands at "
                                          "selector._domainkey.domain"
                                        : base::View(domain.status().message()));
    *value = *domain;
  }
  if (settings.key_file().empty()) return Wrong("key_file", "needed");
  CLEANMAIL_ASSIGN_OR_RETURN(auto key, ReadKey(settings.key_file()));
  return std::unique_ptr<Sealer>(new Sealer(std::move(normal), std::move(key), clock));
}

absl::StatusOr<std::string> Sealer::Seal(std::string_view message,
                                         std::string_view results_value) const {
  const auto found = results::Parse(results_value);
  if (!found.ok()) return absl::FailedPreconditionError("its sender was not looked into");
  const auto header = mail::mime::HeaderBlock::Parse(message);
  if (!header.ok()) return absl::FailedPreconditionError("its header is too long");
  const mail::auth::dkim::HeaderIndex index(*header);
  CLEANMAIL_ASSIGN_OR_RETURN(const arc::Verdict arrived, Arrived(index, *found));
  mail::auth::dkim::BodyHash body(mail::auth::dkim::Canonical::kRelaxed);
  body.Add(message.substr(header->body_offset()));
  body.Finish();
  CLEANMAIL_ASSIGN_OR_RETURN(const arc::NewSet set,
                             MakeSet(index, body.hash(), arrived, *found,
                                     {.domain = settings_.domain(),
                                      .selector = settings_.selector(),
                                      .key = *key_,
                                      .now_seconds = absl::ToUnixSeconds(clock_.Now())}));
  return base::Cat("ARC-Seal: ", set.seal, "\r\nARC-Message-Signature: ", set.message,
                   "\r\nARC-Authentication-Results: ", set.results, "\r\n", message);
}

std::string_view ResultsIn(const std::vector<mail::v1::Action>& actions) {
  for (const mail::v1::Action& action : actions) {
    if (action.has_authentication_results()) return action.authentication_results();
  }
  return {};
}

}  // namespace cleanmail::egress
