#include "libs/mail/auth/results/describe.h"

#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::mail::auth::results {

MethodResult Describe(const spf::Query& query, const spf::Verdict& verdict) {
  MethodResult result{.method = "spf", .result = std::string(ToText(verdict.result))};
  const std::string& why = verdict.problem.empty() ? verdict.mechanism : verdict.problem;
  result.comment = base::Printable(why, 200);
  result.properties.push_back(query.sender.empty() ? Property{"smtp", "helo", query.helo}
                                                   : Property{"smtp", "mailfrom", query.sender});
  return result;
}

MethodResult Describe(const dkim::Verdict& verdict) {
  MethodResult result{
      .method = "dkim", .result = std::string(ToText(verdict.result)), .reason = verdict.reason};
  const dkim::SignatureField& field = verdict.field;
  if (field.domain.empty()) return result;  // not even that could be read
  result.properties = {{"header", "d", field.domain},
                       {"header", "i", field.identity},
                       {"header", "s", field.selector},
                       {"header", "a", std::string(ToText(field.algorithm))},
                       {"header", "b", field.signature_start}};
  if (verdict.result != dkim::Result::kPass) return result;
  if (field.body_limit.has_value()) result.comment = "not all of the body";
  if (!verdict.unsigned_copies.empty()) result.comment = "fields beside the signed ones";
  return result;
}

MethodResult Describe(const dmarc::Verdict& verdict) {
  MethodResult result{.method = "dmarc", .result = std::string(ToText(verdict.result))};
  result.reason = verdict.reason;
  if (verdict.record.has_value())
    result.comment =
        base::Cat("p=", ToText(verdict.published), verdict.record->testing ? " t=y" : "");
  result.properties.push_back({"header", "from", verdict.author});
  return result;
}

MethodResult Describe(const arc::Verdict& verdict, std::string_view client) {
  MethodResult result{
      .method = "arc", .result = std::string(ToText(verdict.status)), .reason = verdict.reason};
  if (verdict.status == arc::Status::kPass)
    result.properties.push_back({"header", "oldest-pass", std::to_string(verdict.oldest_pass)});
  if (verdict.temporary) result.properties.push_back({"policy", "temporary", "yes"});
  if (!client.empty()) result.properties.push_back({"smtp", "remote-ip", std::string(client)});
  return result;
}

}  // namespace cleanmail::mail::auth::results
