// A policy as a stranger could send it through the API, in JSON: it is refused in words, or it
// compiles, describes itself, and judges.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "google/protobuf/util/json_util.h"
#include "libs/base/status_macros.h"
#include "services/policy/rules/difference.h"
#include "services/policy/rules/rule_set.h"

namespace {

using namespace cleanmail;  // NOLINT(google-build-using-namespace)

void Judge(const policy::RuleSet& rules) {
  mail::v1::MessageFacts facts;
  mail::v1::HeaderField& subject = *facts.add_headers();
  subject.set_name("Subject");
  subject.set_value("You have won a very long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa prize");
  mail::v1::Attachment& attachment = *facts.add_attachments();
  attachment.set_name("invoice.pdf.exe");
  attachment.set_content_type("application/octet-stream");
  attachment.set_part("2");
  mail::v1::AuthenticationResult& spf = *facts.add_authentication();
  spf.set_method("spf");
  spf.set_result("pass");
  spf.set_domain("example.org");
  google::protobuf::RepeatedPtrField<mail::v1::Finding> findings;
  findings.Add()->set_name("GTUBE");
  for (const policy::Stage stage :
       {policy::Stage::kEnvelope, policy::Stage::kHeaders, policy::Stage::kScanned}) {
    const bool scanned = stage == policy::Stage::kScanned;
    const policy::Subject message({.stage = stage,
                                   .sender = "ann@example.org",
                                   .client_address = "192.0.2.1",
                                   .direction = mail::v1::DIRECTION_INBOUND,
                                   .at = absl::FromUnixSeconds(1'700'000'000),
                                   .time_zone = "Europe/Zurich",
                                   .size = 1000,
                                   .headers = &facts.headers(),
                                   .facts = scanned ? &facts : nullptr,
                                   .findings = scanned ? &findings : nullptr,
                                   .score = 3});
    if (scanned) {
      const policy::Outcome outcome = rules.Decide(message, "bob@acme.example", {});
      CLEANMAIL_CHECK(!outcome.rule.empty() && !outcome.reason.empty(), "every outcome has a reason");
    } else {
      (void)rules.Admit(message, "bob@acme.example");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 100'000) return 0;
  policy::v1::Policy policy;
  google::protobuf::util::JsonParseOptions lenient;
  lenient.ignore_unknown_fields = true;
  const google::protobuf::StringPiece text(reinterpret_cast<const char*>(data), size);
  if (!google::protobuf::util::JsonStringToMessage(text, &policy, lenient).ok()) return 0;
  policy.set_name("tenants/acme/policies/own");
  const auto rules = policy::RuleSet::Compile(policy);
  CLEANMAIL_CHECK(rules.ok() || !rules.status().message().empty(), "a refusal has words");
  if (rules.ok()) Judge(**rules);
  (void)policy::Difference(policy::v1::Policy(), policy);
  return 0;
}
