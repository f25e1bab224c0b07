#include "services/scanner/authentication/results.h"

#include "libs/mail/auth/results/describe.h"

namespace cleanmail::scanner {
namespace {

namespace auth = mail::auth;

void Add(std::string_view method, std::string_view result, const std::string& domain,
         mail::v1::MessageFacts& facts) {
  mail::v1::AuthenticationResult& one = *facts.add_authentication();
  one.set_method(std::string(method));
  one.set_result(std::string(result));
  one.set_domain(domain);
}

}  // namespace

void AddResults(const SenderAuthentication& found, std::string_view authserv_id,
                mail::v1::MessageFacts& facts) {
  auth::results::AuthenticationResults field{.authserv_id = std::string(authserv_id)};
  if (found.spf.has_value()) {
    Add("spf", ToText(found.spf->result), found.spf->domain, facts);
    field.results.push_back(auth::results::Describe(found.query, *found.spf));
  }
  for (const auth::dkim::Verdict& verdict : found.dkim) {
    const bool hollow =
        verdict.result == auth::dkim::Result::kPass && !verdict.counts_for_alignment();
    Add("dkim", hollow ? "neutral" : ToText(verdict.result), verdict.field.domain, facts);
    field.results.push_back(auth::results::Describe(verdict));
  }
  if (found.dmarc.has_value()) {
    Add("dmarc", ToText(found.dmarc->result), found.dmarc->author, facts);
    field.results.push_back(auth::results::Describe(*found.dmarc));
  }
  if (found.arc.status != auth::arc::Status::kNone) {
    Add("arc", ToText(found.arc.status),
        found.arc.links.empty() ? std::string() : found.arc.links.back().domain, facts);
    field.results.push_back(auth::results::Describe(found.arc, found.client));
  }
  facts.set_authentication_results(auth::results::ToFieldValue(field));
}

}  // namespace cleanmail::scanner
