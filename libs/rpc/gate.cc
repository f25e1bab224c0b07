#include "libs/rpc/gate.h"

#include <vector>

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/assertion.h"
#include "libs/rpc/identity.h"
#include "libs/rpc/method_rules.h"
#include "libs/rpc/on_behalf.h"

namespace cleanmail::rpc {
namespace {

std::string_view Text(grpc::string_ref text) { return {text.data(), text.size()}; }

class Gate final : public grpc::AuthMetadataProcessor {
 public:
  Gate(std::string trust_domain, telemetry::Log& log, telemetry::MetricsRegistry& metrics)
      : trust_domain_(std::move(trust_domain)),
        log_(log),
        refused_(metrics.AddCounter("cleanmail_rpc_refused_total",
                                    "Calls from other processes that were not let in.")) {}

  // On the connection's own thread: a signature takes a tenth of a millisecond.
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    const std::vector<std::string> uris = Properties(*context, GRPC_PEER_URI_PROPERTY_NAME);
    const std::string method = One(metadata, ":path");
    const absl::Status decided = Decide(metadata, *context, uris, method);
    if (decided.ok()) return grpc::Status::OK;
    refused_.Add();
    log_.Warning("rpc.refused", {{"method", base::Printable(method, 200)},
                                 {"peer", uris.empty() ? "" : base::Printable(uris[0], 200)},
                                 {"why", base::View(decided.message())}});
    return ToGrpc(decided);
  }

 private:
  static std::vector<std::string> Properties(const grpc::AuthContext& context, const char* name) {
    std::vector<std::string> values;
    for (const grpc::string_ref& value : context.FindPropertyValues(name))
      values.emplace_back(Text(value));
    return values;
  }

  static std::string One(const InputMetadata& metadata, const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : std::string(Text(found->second));
  }

  absl::Status Decide(const InputMetadata& metadata, const grpc::AuthContext& context,
                      const std::vector<std::string>& uris, const std::string& method) {
    const std::vector<std::string> rooms = RoomsOf(uris, trust_domain_);
    if (rooms.empty())
      return absl::UnauthenticatedError(
          base::Cat("the certificate names no room of ", trust_domain_));
    if (metadata.contains(kCallerKey))
      return absl::PermissionDeniedError("nobody is who a header says");
    const size_t assertions = metadata.count(kAssertionKey);
    if (assertions > 1) return absl::PermissionDeniedError("speaking for several");
    const std::optional<MethodRule> rule = rules_.Of(method);
    // Health and reflection, which tell nothing of anybody, and what is not served at all.
    if (!rule.has_value() && assertions == 0) return absl::OkStatus();
    if (!rule.has_value() || !rule->Allows(rooms))
      return absl::PermissionDeniedError(base::Cat(rooms[0], " may not call ", method));
    if (rule->for_people != (assertions == 1)) {
      return absl::PermissionDeniedError(
          base::Cat(method, rule->for_people ? " is called on behalf of somebody only"
                                             : " is called on behalf of nobody"));
    }
    if (!rule->for_people) return absl::OkStatus();
    const std::vector<std::string> certificate =
        Properties(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
    return CheckAssertion(certificate.empty() ? "" : certificate[0], One(metadata, kAssertionKey),
                          method, absl::Now())
        .status();
  }

  const std::string trust_domain_;
  telemetry::Log& log_;
  telemetry::Counter& refused_;
  MethodRules rules_;
};

}  // namespace

std::shared_ptr<grpc::AuthMetadataProcessor> MakeGate(std::string trust_domain, telemetry::Log& log,
                                                      telemetry::MetricsRegistry& metrics) {
  return std::make_shared<Gate>(std::move(trust_domain), log, metrics);
}

}  // namespace cleanmail::rpc
