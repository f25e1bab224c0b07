#include "libs/rpc/method_rules.h"

#include <algorithm>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "libs/base/cat.h"
#include "proto/cleanmail/api/v1/http.pb.h"

namespace cleanmail::rpc {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using google::protobuf::MethodOptions;

MethodRule RuleOf(const MethodDescriptor& method) {
  const MethodOptions& options = method.options();
  MethodRule rule = {.for_people = options.HasExtension(api::v1::http), .callers = {}};
  for (int i = 0; i < options.ExtensionSize(api::v1::callers); ++i)
    rule.callers.push_back(options.GetExtension(api::v1::callers, i));
  if (rule.for_people && rule.callers.empty()) rule.callers.emplace_back("portal");
  return rule;
}

}  // namespace

bool MethodRule::Allows(const std::vector<std::string>& rooms) const {
  return std::ranges::any_of(callers, [&](const std::string& caller) {
    return caller == "*" || std::ranges::find(rooms, caller) != rooms.end();
  });
}

std::optional<MethodRule> MethodRules::Of(std::string_view method) {
  {
    absl::MutexLock lock(&mutex_);
    if (const auto known = known_.find(method); known != known_.end()) return known->second;
  }
  // A path is its full name with a slash for the last dot; what is none is not looked up.
  const size_t slash = method.rfind('/');
  if (method.size() < 2 || method[0] != '/' || slash == 0 || slash == std::string_view::npos)
    return std::nullopt;
  const std::string name = base::Cat(method.substr(1, slash - 1), ".", method.substr(slash + 1));
  const MethodDescriptor* const found = DescriptorPool::generated_pool()->FindMethodByName(name);
  if (found == nullptr) return std::nullopt;
  MethodRule rule = RuleOf(*found);
  absl::MutexLock lock(&mutex_);
  known_.emplace(method, rule);
  return rule;
}

std::string ServiceConfigOf(std::string_view service, std::string_view room) {
  std::string names;
  if (const auto* found =
          DescriptorPool::generated_pool()->FindServiceByName(std::string(service))) {
    for (int i = 0; i < found->method_count(); ++i) {
      const MethodDescriptor& method = *found->method(i);
      if (method.options().idempotency_level() == MethodOptions::IDEMPOTENCY_UNKNOWN) continue;
      names += base::Cat(names.empty() ? "" : ", ", R"({"service": ")", service,
                         R"(", "method": ")", method.name(), R"("})");
    }
  }
  const std::string retries =
      names.empty()
          ? ""
          : base::Cat(R"(, "methodConfig": [{"name": [)", names,
                      R"(], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.1s", )",
                      R"("maxBackoff": "1s", "backoffMultiplier": 2, )",
                      R"("retryableStatusCodes": ["UNAVAILABLE"]}}])");
  return base::Cat(R"({"loadBalancingConfig": [{"round_robin": {}}], )",
                   R"("healthCheckConfig": {"serviceName": ")", room, R"("})", retries, "}");
}

}  // namespace cleanmail::rpc
