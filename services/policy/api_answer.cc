#include "services/policy/api_answer.h"

#include <algorithm>

#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "services/policy/api.h"

namespace cleanmail::policy {
namespace {

absl::Status Dress(absl::Status status) {
  if (absl::IsNotFound(status)) return authz::NoSuchResource();
  if (!absl::IsInvalidArgument(status) || !rpc::FieldOf(status).empty()) return status;
  const std::string_view message = base::View(status.message());
  const std::string path(message.substr(0, message.find(": ")));
  const bool is_path = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("_.[]").find(c) != std::string_view::npos;
  });
  return is_path ? rpc::WithField(std::move(status), path) : status;
}

}  // namespace

grpc::Status Serve(grpc::ServerContext* rpc,
                   absl::FunctionRef<absl::Status(const rpc::Caller&)> answer) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) { return Dress(answer(caller)); });
}

}  // namespace cleanmail::policy
