#include "services/portal/http/transcoder.h"

#include <algorithm>
#include <array>
#include <set>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "services/portal/http/from_json.h"

namespace cleanmail::portal {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::array<std::string_view, 5> kFileTypes = {
    "text/csv", "text/plain", "application/json", "application/zip", "message/rfc822"};

absl::Status Wrong(std::string_view field, std::string_view what) {
  return rpc::WithReason(
      rpc::WithField(absl::InvalidArgumentError(base::Cat(field, ": ", what)), field),
      "INVALID_FIELD");
}

// Whether a field of the request is filled by path or body, so that the query may not.
bool IsTaken(const Route& route, const FieldDescriptor& field) {
  if (&field == route.body || route.http.body() == "*") return true;
  return std::ranges::any_of(route.path.variables(), [&](const std::string& variable) {
    return variable.substr(0, variable.find('.')) == field.name();
  });
}

absl::Status FillFromQuery(const Route& route, std::string_view query, Message& request) {
  std::set<std::string> seen;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const auto name = PercentDecoded(pair.substr(0, equals), true);
    const auto value = equals == std::string_view::npos
                           ? std::optional<std::string>("")
                           : PercentDecoded(pair.substr(equals + 1), true);
    if (!name.has_value() || !value.has_value() || !base::IsUtf8(*name) || !base::IsUtf8(*value))
      return absl::InvalidArgumentError("the query is not percent-encoded UTF-8");
    const Descriptor& type = *request.GetDescriptor();
    const FieldDescriptor* field = nullptr;
    for (int i = 0; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() == *name) field = type.field(i);
    }
    if (field == nullptr || IsTaken(route, *field))
      return Wrong(base::Printable(*name, 200), "there is no such parameter");
    if (!seen.insert(*name).second && !field->is_repeated()) return Wrong(*name, "stands twice");
    if (value->find('\0') != std::string::npos) return Wrong(*name, "holds a NUL");
    CLEANMAIL_RETURN_IF_ERROR(FromText(*field, *value, request));
  }
  return absl::OkStatus();
}

const FieldDescriptor* StringNamed(const Descriptor& type, const std::string& name) {
  const FieldDescriptor* const field = type.FindFieldByName(name);
  return field != nullptr && field->type() == FieldDescriptor::TYPE_STRING && !field->is_repeated()
             ? field
             : nullptr;
}

// If-Match becomes the etag of the resource in the body, or of the request.
absl::Status SetEtag(const Route& route, const http::Request& asked, Message& request) {
  const std::string_view if_match = asked.Find("if-match");
  if (!asked.Has("if-match") || if_match == "*") return absl::OkStatus();
  if (if_match.size() < 2 || !if_match.starts_with('"') || !if_match.ends_with('"') ||
      !base::IsUtf8(if_match))
    return absl::InvalidArgumentError("If-Match: one ETag in quotes, or *, is expected");
  const std::string etag(if_match.substr(1, if_match.size() - 2));
  Message* at = &request;
  if (route.body != nullptr) at = request.GetReflection()->MutableMessage(&request, route.body);
  const FieldDescriptor* const field = StringNamed(*at->GetDescriptor(), "etag");
  if (field == nullptr)
    return absl::InvalidArgumentError("If-Match: this method does not compare ETags");
  at->GetReflection()->SetString(at, field, etag);
  return absl::OkStatus();
}

// A PATCH without a mask changes what its body says.
void SetMask(const base::Json& body, const Route& route, Message& request) {
  const FieldDescriptor* const mask = request.GetDescriptor()->FindFieldByName("update_mask");
  if (mask == nullptr || mask->message_type() == nullptr || route.body == nullptr ||
      mask->message_type()->full_name() != "google.protobuf.FieldMask" ||
      request.GetReflection()->HasField(request, mask))
    return;
  Message& to = *request.GetReflection()->MutableMessage(&request, mask);
  for (const std::string& path : PathsOf(body, *route.body->message_type()))
    to.GetReflection()->AddString(&to, to.GetDescriptor()->FindFieldByName("paths"), path);
}

absl::StatusOr<base::Json> BodyOf(const http::Request& asked) {
  if (asked.body.empty()) return base::Json::Object();
  absl::StatusOr<base::Json> json = base::ParseJson(asked.body);
  if (!json.ok()) return rpc::WithReason(json.status(), "INVALID_JSON");
  if (json->type != base::Json::Type::kObject)
    return rpc::WithReason(absl::InvalidArgumentError("the body must be a JSON object"),
                           "INVALID_JSON");
  return json;
}

std::string TextField(const Message& message, const std::string& name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING ||
      field->is_repeated())
    return "";
  return message.GetReflection()->GetString(message, field);
}

http::Response ToFile(const Message& message) {
  const std::string type = TextField(message, "content_type");
  const bool is_known = std::ranges::find(kFileTypes, type) != kFileTypes.end();
  const bool is_text = type.starts_with("text/");
  return {.content_type = !is_known ? "application/octet-stream"
                          : is_text ? base::Cat(type, "; charset=utf-8")
                                    : type,
          .body = TextField(message, "content"),
          .headers = {{"Content-Disposition",
                       base::Cat("attachment; filename=\"",
                                 SafeFileName(TextField(message, "file_name")), "\"")}}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Message>> ToRequest(const Contracts& contracts, const Route& route,
                                                   const PathValues& values,
                                                   const http::Request& asked) {
  std::unique_ptr<Message> request = contracts.New(route.method->input_type());
  CLEANMAIL_RETURN_IF_ERROR(FillFromQuery(route, asked.query, *request));
  const bool is_patch = route.http.verb() == "PATCH";
  if (route.has_body()) {
    CLEANMAIL_ASSIGN_OR_RETURN(const base::Json body, BodyOf(asked));
    Message& into = route.body == nullptr
                        ? *request
                        : *request->GetReflection()->MutableMessage(request.get(), route.body);
    CLEANMAIL_RETURN_IF_ERROR(FromJson(body, "", into));
    if (is_patch) SetMask(body, route, *request);
  }
  for (const auto& [path, value] : values)
    CLEANMAIL_RETURN_IF_ERROR(SetByPath(path, value, *request));
  if (!is_patch) {
    // A person knows fields of the body, not of the message around it.
    CLEANMAIL_RETURN_IF_ERROR(
        route.body == nullptr
            ? CheckRequired(*request, "")
            : CheckRequired(request->GetReflection()->GetMessage(*request, route.body), ""));
  }
  CLEANMAIL_RETURN_IF_ERROR(SetEtag(route, asked, *request));
  return request;
}

http::Response ToAnswer(const Contracts& contracts, const Message& message,
                        const http::Request& asked) {
  if (message.GetDescriptor()->full_name() == "cleanmail.api.v1.Download") return ToFile(message);
  http::Response response{.content_type = "application/json"};
  const std::string etag = TextField(message, "etag");
  const bool is_clean = std::ranges::none_of(
      etag, [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '"'; });
  if (!etag.empty() && is_clean) {
    const std::string quoted = base::Cat("\"", etag, "\"");
    response.headers.push_back({"ETag", quoted});
    if (asked.method != "POST" && asked.Find("if-none-match") == quoted)
      return {.status = 304, .content_type = "", .headers = response.headers};
  }
  response.body = contracts.ToJson(message);
  return response;
}

std::string SafeFileName(std::string_view name) {
  std::string safe;
  for (const char c : name.substr(0, 100)) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                          (c == '.' && !safe.empty() && safe.back() != '.');
    safe += is_plain ? c : '_';
  }
  return safe.empty() ? "download" : safe;
}

}  // namespace cleanmail::portal
