#include "services/portal/http/door.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/crypto/hash.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/forward.h"
#include "libs/telemetry/trace.h"
#include "services/portal/http/openapi.h"
#include "services/portal/http/pages.h"
#include "services/portal/http/problem.h"

namespace cleanmail::portal {
namespace {

constexpr absl::Duration kLongestCall = absl::Seconds(30);
constexpr absl::Duration kWindow = absl::Seconds(10);
constexpr absl::Duration kFailureWindow = absl::Minutes(1);
constexpr int64_t kMostFailures = 30;  // wrong tokens from one address in that window
constexpr size_t kLongestKey = 255;
constexpr size_t kLargestKept = 1024 * 1024;
constexpr std::string_view kBearer = "Bearer ";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsJsonType(std::string_view type) {
  std::string media = Lower(type.substr(0, type.find(';')));
  while (media.ends_with(' ')) media.pop_back();
  return media == "application/json";
}

// Whether an Accept header lets JSON through; no header lets everything through.
bool AcceptsJson(std::string_view accept) {
  if (accept.empty()) return true;
  const std::string lower = Lower(accept);
  for (const std::string_view range : {"*/*", "application/*", "application/json", "json"}) {
    if (lower.find(range) != std::string::npos) return true;
  }
  return false;
}

// What may be kept of an answer for a repeated request: a secret is shown once.
std::string WithoutSecret(const std::string& body) {
  absl::StatusOr<base::Json> json = base::ParseJson(body);
  if (!json.ok() || json->TextOf("secret").empty()) return body;
  (*json)["secret"] = base::Json::String("");
  return json->Print();
}

// A room's error with the field's path as the caller knows it: from the body on, when the body is
// one field of the room's request.
absl::Status FromBody(const Route& route, absl::Status status) {
  if (route.body == nullptr) return status;
  const std::string field = rpc::FieldOf(status);
  const std::string prefix = base::Cat(route.body->name(), ".");
  if (!field.starts_with(prefix)) return status;
  return rpc::WithField(std::move(status), field.substr(prefix.size()));
}

}  // namespace

Door::Door(const Parts& parts, const Settings& settings)
    : parts_(parts), settings_(settings), openapi_(OpenApi(parts.contracts)) {}

http::Response Door::Answer(const http::Request& request, bool local) {
  const absl::Time began = absl::Now();
  const Asked asked{
      .request = request,
      .local = local,
      .trace = telemetry::ChildOf(request.Find(telemetry::kTraceparent), parts_.random)};
  const bool is_page = !request.path.starts_with("/v1/");
  http::Response response = is_page ? Page(asked) : Method(asked);
  parts_.metrics.requests.Add();
  parts_.metrics.seconds.Observe(absl::ToDoubleSeconds(absl::Now() - began));
  if (response.status >= 500) {
    parts_.metrics.failures.Add();
    parts_.log.Warning("portal.failed", {{"status", response.status},
                                         {"method", request.method},
                                         {"path", base::Printable(request.path, 200)},
                                         {"trace", telemetry::TraceIdOf(asked.trace)}});
  }
  const auto add = [&](std::string_view name, std::string_view value) {
    const bool is_set = std::ranges::any_of(
        response.headers, [&](const http::Header& header) { return header.name == name; });
    if (!is_set) response.headers.push_back({std::string(name), std::string(value)});
  };
  add("Cache-Control", "no-store");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Resource-Policy", "same-origin");
  if (settings_.tls && !local) add("Strict-Transport-Security", "max-age=31536000");
  return response;
}

http::Response Door::Refusal(const Asked& asked, int status, std::string_view detail,
                             std::string_view reason) const {
  return ToResponse({.status = status,
                     .reason = std::string(reason),
                     .detail = std::string(detail),
                     .trace = std::string(telemetry::TraceIdOf(asked.trace))});
}

http::Response Door::Refusal(const Asked& asked, const absl::Status& status) const {
  return ToResponse(ProblemOf(status, telemetry::TraceIdOf(asked.trace)));
}

http::Response Door::Told(const Asked& asked, const absl::Status& status,
                          const rpc::Caller& caller) const {
  Problem problem = ProblemOf(status, telemetry::TraceIdOf(asked.trace));
  // Everything is the operator's: what is missing may be told by name.
  if (problem.status == 404 && caller.role == rpc::Role::kOperator) {
    problem.detail = std::string(base::View(status.message()));
    problem.field = CamelPath(rpc::FieldOf(status));
  }
  return ToResponse(problem);
}

http::Response Door::Page(const Asked& asked) {
  const std::string& path = asked.request.path;
  const bool is_openapi = path == "/openapi.json";
  std::optional<http::Response> page =
      is_openapi ? http::Response{.content_type = "application/json", .body = openapi_}
                 : PageAt(path);
  const std::string_view file = PublicFileAt(path);
  if (!page.has_value() && file.empty()) return Refusal(asked, 404, "no such resource");
  if (asked.request.method == "GET" || asked.request.method == "HEAD")
    return page.has_value() ? *std::move(page) : PublicFile(asked, file);
  http::Response refusal = Refusal(asked, 405, "only GET and HEAD");
  refusal.headers.push_back({"Allow", "GET, HEAD"});
  return refusal;
}

// A room's file for whoever asks: called as somebody with the least of roles and no place.
http::Response Door::PublicFile(const Asked& asked, std::string_view method) {
  const std::vector<Route>& routes = parts_.contracts.routes();
  const auto route = std::ranges::find(routes, method, &Route::rpc);
  if (route == routes.end()) return Refusal(asked, 404, "no such resource");
  http::Response response = Call(asked, {.route = &*route, .values = {}, .allow = {}},
                                 {.role = rpc::Role::kUser, .id = "anybody"});
  std::erase_if(response.headers,
                [](const http::Header& header) { return header.name == "Content-Disposition"; });
  return response;
}

Door::Found Door::Find(std::string_view method, std::string_view path) const {
  Found found;
  std::vector<std::string> allowed;
  bool has_verb = false;
  for (const Route& route : parts_.contracts.routes()) {
    std::optional<PathValues> values = route.path.Match(path);
    if (!values.has_value()) continue;
    // Routes with a verb come first: what ends in a verb of ours is no id.
    has_verb = has_verb || !route.path.verb().empty();
    if (has_verb && route.path.verb().empty()) continue;
    allowed.push_back(route.http.verb());
    if (route.http.verb() == "GET") allowed.push_back("HEAD");
    const bool is_it =
        route.http.verb() == method || (method == "HEAD" && route.http.verb() == "GET");
    if (!is_it || found.route != nullptr) continue;
    found.route = &route;
    found.values = *std::move(values);
  }
  std::ranges::sort(allowed);
  const auto twice = std::ranges::unique(allowed);
  allowed.erase(twice.begin(), twice.end());
  for (const std::string& one : allowed)
    found.allow += base::Cat(found.allow.empty() ? "" : ", ", one);
  return found;
}

http::Response Door::Method(const Asked& asked) {
  const http::Request& request = asked.request;
  const absl::StatusOr<rpc::Caller> caller = Who(asked);
  if (!caller.ok()) {
    parts_.metrics.refused.Add();
    return Refusal(asked, caller.status());
  }
  const Found found = Find(request.method, request.path);
  if (found.allow.empty()) return Refusal(asked, 404, "no such resource");
  if (found.route == nullptr) {
    http::Response refusal = Refusal(asked, 405);
    refusal.headers.push_back({"Allow", found.allow});
    return refusal;
  }
  std::vector<http::Header> limits;
  if (!asked.local) {
    const absl::Status turn = TakeTurn(*caller, limits);
    if (!turn.ok()) {
      parts_.metrics.limited.Add();
      http::Response refusal = Refusal(asked, turn);
      refusal.headers.insert(refusal.headers.end(), limits.begin(), limits.end());
      return refusal;
    }
  }
  const std::string_view key = request.Find("idempotency-key");
  http::Response response = request.Has("idempotency-key") && found.route->http.verb() == "POST"
                                ? CallOnce(asked, found, *caller, key)
                                : Call(asked, found, *caller);
  response.headers.insert(response.headers.end(), limits.begin(), limits.end());
  return response;
}

absl::StatusOr<rpc::Caller> Door::Who(const Asked& asked) {
  const std::string_view said = asked.request.Find("authorization");
  if (said.empty()) {
    if (asked.local) return rpc::Caller{.role = rpc::Role::kOperator, .id = "operator/local"};
    return absl::UnauthenticatedError("a token is needed: Authorization: Bearer cm_…");
  }
  // Whoever has a token gets in, however often others at his address have guessed wrongly.
  absl::StatusOr<rpc::Caller> caller =
      Lower(said.substr(0, kBearer.size())) == Lower(kBearer)
          ? parts_.tokens.Authenticate(said.substr(kBearer.size()))
          : absl::UnauthenticatedError("Authorization: only Bearer is taken");
  if (caller.ok()) caller->address = asked.request.address;
  if (asked.local || caller.status().code() != absl::StatusCode::kUnauthenticated) return caller;
  const int64_t failed =
      parts_.kv.Add(base::Cat("portal/failures/", asked.request.address), 1, kFailureWindow)
          .value_or(0);
  if (failed <= kMostFailures) return caller;
  return rpc::WithReason(absl::ResourceExhaustedError("too many wrong tokens from your address"),
                         "TOO_MANY_REQUESTS");
}

absl::Status Door::TakeTurn(const rpc::Caller& caller, std::vector<http::Header>& headers) {
  const int64_t limit = settings_.requests_per_second * absl::ToInt64Seconds(kWindow);
  const int64_t now = absl::ToUnixSeconds(parts_.clock.Now());
  const int64_t window = now / absl::ToInt64Seconds(kWindow);
  const int64_t reset = (window + 1) * absl::ToInt64Seconds(kWindow) - now;
  // Losing the counters costs politeness only.
  const int64_t used =
      parts_.kv.Add(base::Cat("portal/turns/", caller.id, "/", window), 1, 2 * kWindow).value_or(0);
  headers = {{"RateLimit-Limit", std::to_string(limit)},
             {"RateLimit-Remaining", std::to_string(std::max<int64_t>(0, limit - used))},
             {"RateLimit-Reset", std::to_string(reset)}};
  if (used <= limit) return absl::OkStatus();
  headers.push_back({"Retry-After", std::to_string(reset)});
  return rpc::WithReason(absl::ResourceExhaustedError("you ask too often"), "TOO_MANY_REQUESTS");
}

http::Response Door::Call(const Asked& asked, const Found& found, const rpc::Caller& caller) {
  const http::Request& request = asked.request;
  const Route& route = *found.route;
  const bool is_file = route.method->output_type()->full_name() == "cleanmail.api.v1.Download";
  if (!is_file && !AcceptsJson(request.Find("accept"))) return Refusal(asked, 406);
  if (route.has_body() && !request.body.empty() && !IsJsonType(request.Find("content-type")))
    return Refusal(asked, 415);
  const absl::StatusOr<std::unique_ptr<google::protobuf::Message>> message =
      ToRequest(parts_.contracts, route, found.values, request);
  if (!message.ok()) return Refusal(asked, message.status());
  const absl::StatusOr<std::string> bytes = rpc::Forward(
      parts_.channels, route.rpc, (*message)->SerializeAsString(),
      {.deadline = absl::Now() + kLongestCall, .caller = caller, .trace = asked.trace});
  if (!bytes.ok()) return Told(asked, FromBody(route, bytes.status()), caller);
  const std::unique_ptr<google::protobuf::Message> answer =
      parts_.contracts.New(route.method->output_type());
  if (!answer->ParseFromString(*bytes)) return Refusal(asked, 500);
  return ToAnswer(parts_.contracts, *answer, request);
}

http::Response Door::CallOnce(const Asked& asked, const Found& found, const rpc::Caller& caller,
                              std::string_view key) {
  const http::Request& request = asked.request;
  const bool is_key = !key.empty() && key.size() <= kLongestKey &&
                      std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_key)
    return Refusal(
        asked, 400,
        base::Cat("Idempotency-Key: 1 to ", kLongestKey, " visible ASCII characters are expected"));
  const std::string id = crypto::Sha256Hex(base::Cat(caller.id, "\n", key));
  const std::string hash =
      crypto::Sha256Hex(base::Cat(request.path, "\n", request.query, "\n", request.body));
  const int64_t now_us = base::NowMicros(parts_.clock);
  const absl::StatusOr<std::optional<AnswerRow>> begun = parts_.store.BeginAnswer(id, hash, now_us);
  if (!begun.ok()) return Refusal(asked, begun.status());
  if (begun->has_value()) {
    const AnswerRow& kept = **begun;
    if (kept.request_hash != hash) return Refusal(asked, 422);
    if (kept.status == 0 && now_us - kept.began_at_us > absl::ToInt64Microseconds(2 * kLongestCall))
      return Refusal(asked, 409,
                     "the answer to this key was lost in a stop of the gateway: look what came of "
                     "it, then use a new key");
    if (kept.status == 0) return Refusal(asked, 409, "", "IN_PROGRESS");
    return {.status = kept.status,
            .content_type = kept.content_type,
            .body = kept.body,
            .headers = {{"Idempotency-Replayed", "true"}}};
  }
  http::Response response = Call(asked, found, caller);
  // What may go better next time is not kept: the key stays free.
  const bool is_final = response.status < 500 && response.status != 429 && response.status != 401 &&
                        response.body.size() <= kLargestKept;
  const absl::Status kept =
      is_final ? parts_.store.KeepAnswer(id, {.request_hash = hash,
                                              .status = response.status,
                                              .content_type = response.content_type,
                                              .body = WithoutSecret(response.body)})
               : parts_.store.ForgetAnswer(id);
  if (!kept.ok())
    parts_.log.Warning("portal.answer_not_kept", {{"error", base::View(kept.message())}});
  return response;
}

}  // namespace cleanmail::portal
