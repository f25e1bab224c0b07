// A person's data, as a document.
#include "absl/strings/ascii.h"
#include "google/protobuf/util/json_util.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/page.h"
#include "services/reporting/api.h"

namespace cleanmail::reporting {
namespace {

using rpc::resource::Filter;
using rpc::resource::FilterOp;

constexpr int32_t kMessagesOfDocument = 500;

Filter Is(std::string_view field, const std::string& value) {
  return {.kind = Filter::Kind::kTerm,
          .field = std::string(field),
          .op = FilterOp::kEqual,
          .value = value};
}

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  return google::protobuf::util::MessageToJsonString(message, &json).ok() ? json : "{}";
}

// Keys of what comes next: of mail from him, mail to him, what was refused. "-": nothing more.
struct Keys {
  std::string parts[3];
};

absl::StatusOr<Keys> ReadKeys(const std::string& token) {
  Keys keys;
  CLEANMAIL_ASSIGN_OR_RETURN(std::string text, rpc::resource::FromPageToken(token));
  if (text.empty()) return keys;
  for (std::string& part : keys.parts) {
    const size_t end = text.find('\n');
    part = text.substr(0, end);
    text = end == std::string::npos ? "-" : text.substr(end + 1);
  }
  return keys;
}

std::string Joined(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += base::Cat(out.size() > 1 ? "," : "", item);
  return out + "]";
}

}  // namespace

grpc::Status Api::ExportPerson(grpc::ServerContext* rpc, const v1::ExportPersonRequest* request,
                               api::v1::Download* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, authz::Permission::kReadPersons, "tenants/*", request->parent()));
    const std::string address = absl::AsciiStrToLower(request->address());
    if (address.find('@') == std::string::npos || address.size() > 320)
      return rpc::WithField(absl::InvalidArgumentError("address: an e-mail address was expected"),
                            "address");
    CLEANMAIL_ASSIGN_OR_RETURN(Keys keys, ReadKeys(request->page_token()));
    const Scope scope = {.tenant = tenant, .visible = authz_.VisibleTo(caller)};
    const Filter refused = {.kind = Filter::Kind::kOr,
                            .below = {Is("sender", address), Is("recipient", address)}};
    std::vector<std::string> items[3];
    for (const auto& [i, field] : {std::pair(0, "sender"), std::pair(1, "recipient")}) {
      if (keys.parts[i] == "-") continue;
      CLEANMAIL_ASSIGN_OR_RETURN(
          Page<v1::Message> found,
          search_.Messages(scope, Is(field, address),
                           {.after = keys.parts[i], .size = kMessagesOfDocument}));
      for (const v1::Message& message : found.items) items[i].push_back(ToJson(message));
      keys.parts[i] = found.next.empty() ? "-" : found.next;
    }
    if (keys.parts[2] != "-") {
      CLEANMAIL_ASSIGN_OR_RETURN(
          Page<v1::Refusal> found,
          search_.Refusals(scope, refused, {.after = keys.parts[2], .size = kMessagesOfDocument}));
      for (const v1::Refusal& refusal : found.items) items[2].push_back(ToJson(refusal));
      keys.parts[2] = found.next.empty() ? "-" : found.next;
    }
    const bool is_last =
        std::ranges::all_of(keys.parts, [](const std::string& part) { return part == "-"; });
    const std::string next = is_last
                                 ? std::string()
                                 : rpc::resource::ToPageToken(base::Cat(
                                       keys.parts[0], "\n", keys.parts[1], "\n", keys.parts[2]));
    reply->set_content_type("application/json");
    reply->set_file_name("person.json");
    reply->set_content(base::Cat("{\"sent\":", Joined(items[0]), ",\"received\":", Joined(items[1]),
                                 ",\"refused\":", Joined(items[2]), ",\"nextPageToken\":\"", next,
                                 "\"}"));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::reporting
