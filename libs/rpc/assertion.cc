#include "libs/rpc/assertion.h"

#include "libs/base/status_macros.h"
#include "libs/rpc/on_behalf.h"
#include "proto/cleanmail/app/v1/assertion.pb.h"

namespace cleanmail::rpc {
namespace {

// Before the claims in what is signed: a signature made here is good for nothing else the key
// signs.
constexpr std::string_view kContext = "cleanmail.app.v1.Assertion\n";

absl::Status Denied(std::string_view why) {
  return absl::PermissionDeniedError(base::Cat("speaking for others: ", why));
}

}  // namespace

absl::StatusOr<std::string> MakeAssertion(const crypto::SigningKey& key, const Caller& caller,
                                          std::string_view method, absl::Time now) {
  app::v1::AssertionClaims claims;
  *claims.mutable_caller() = ToProto(caller);
  claims.set_method(std::string(method));
  claims.set_not_before_us(absl::ToUnixMicros(now - kAssertionLife));
  claims.set_not_after_us(absl::ToUnixMicros(now + kAssertionLife));
  app::v1::Assertion assertion;
  assertion.set_claims(claims.SerializeAsString());
  CLEANMAIL_ASSIGN_OR_RETURN(*assertion.mutable_signature(),
                             key.Sign(base::Cat(kContext, assertion.claims())));
  return assertion.SerializeAsString();
}

absl::StatusOr<Caller> CheckAssertion(std::string_view certificate_pem, std::string_view assertion,
                                      std::string_view method, absl::Time now) {
  app::v1::Assertion said;
  app::v1::AssertionClaims claims;
  if (!said.ParseFromArray(assertion.data(), static_cast<int>(assertion.size())) ||
      !claims.ParseFromString(said.claims()))
    return Denied("the assertion cannot be read");
  const absl::Status signature =
      crypto::CheckSignature(certificate_pem, base::Cat(kContext, said.claims()), said.signature());
  if (!signature.ok()) return Denied(base::View(signature.message()));
  if (claims.method() != method) return Denied("the assertion is for another method");
  const int64_t now_us = absl::ToUnixMicros(now);
  if (now_us < claims.not_before_us() || now_us > claims.not_after_us())
    return Denied("the assertion is over, or of the future: compare the machines' clocks");
  Caller caller = FromProto(claims.caller());
  if (caller.role == Role::kNone) return Denied("the assertion names nobody");
  return caller;
}

Caller ReadAssertion(std::string_view assertion) {
  app::v1::Assertion said;
  app::v1::AssertionClaims claims;
  if (!said.ParseFromArray(assertion.data(), static_cast<int>(assertion.size())) ||
      !claims.ParseFromString(said.claims()))
    return {.id = "unknown"};
  return FromProto(claims.caller());
}

}  // namespace cleanmail::rpc
