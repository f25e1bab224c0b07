#include "services/portal/http/problem.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "services/portal/http/contracts.h"

namespace cleanmail::portal {
namespace {

constexpr std::array kReasons = {
    ReasonWords{"INVALID_ARGUMENT", 400, "The request is not understood",
                "Correct what the detail names and send it again."},
    ReasonWords{"INVALID_FIELD", 400, "A field is wrong",
                "Correct the field named under errors; /openapi.json says what it may hold."},
    ReasonWords{"INVALID_JSON", 400, "The body is not JSON",
                "Send one JSON object in UTF-8, without a member that stands twice."},
    ReasonWords{"UNAUTHENTICATED", 401, "Who are you?",
                "Send a token that is neither expired nor revoked: Authorization: Bearer cm_…"},
    ReasonWords{"NOT_ALLOWED", 403, "Not allowed",
                "The detail says which role or scope is missing; ask somebody above you for it."},
    ReasonWords{"NOT_FOUND", 404, "No such resource",
                "Check the name. What belongs to others is answered the same way."},
    ReasonWords{"METHOD_NOT_ALLOWED", 405, "Not with this method",
                "The Allow header says which methods this path has."},
    ReasonWords{"NOT_ACCEPTABLE", 406, "No answer of that type", "Accept application/json."},
    ReasonWords{"TIMEOUT", 408, "The request came too slowly", "Send it again, faster."},
    ReasonWords{"CONFLICT", 409, "It does not fit what is there",
                "The detail says what is in the way."},
    ReasonWords{"ALREADY_EXISTS", 409, "It is there already",
                "Choose another name, or change the one that exists."},
    ReasonWords{"IN_PROGRESS", 409, "The same request is being answered",
                "Wait for the answer of the first one, then send this again."},
    ReasonWords{"ETAG_MISMATCH", 412, "It has changed since you read it",
                "Read it again, look at what changed, and send your change with the new ETag."},
    ReasonWords{"TOO_LARGE", 413, "The request is too large", "Send less at once."},
    ReasonWords{"UNSUPPORTED_MEDIA_TYPE", 415, "A body of another type is expected",
                "Send Content-Type: application/json."},
    ReasonWords{"IDEMPOTENCY_KEY_REUSED", 422, "This key was used for another request",
                "Use a new Idempotency-Key for each new request."},
    ReasonWords{"TOO_MANY_REQUESTS", 429, "Too many requests", "Wait as long as Retry-After says."},
    ReasonWords{"HEADER_TOO_LARGE", 431, "The header is too large",
                "Send a shorter path or fewer header fields."},
    ReasonWords{"INTERNAL", 500, "The gateway failed",
                "Try again; if it stays, give the trace to whoever runs the gateway."},
    ReasonWords{"NOT_IMPLEMENTED", 501, "This gateway does not have it",
                "The room that serves it is not running in this installation."},
    ReasonWords{"UNAVAILABLE", 503, "Not at the moment",
                "Try again as Retry-After says; /readyz of the operations port says what is away."},
    ReasonWords{"DEADLINE_EXCEEDED", 504, "It took too long", "Ask for less, or try again."}};

int StatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

bool IsReason(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

const ReasonWords* FindReason(std::string_view reason) {
  const auto it = std::ranges::find(kReasons, reason, &ReasonWords::reason);
  return it == kReasons.end() ? nullptr : &*it;
}

std::string_view DefaultReason(int status) {
  const auto it = std::ranges::find(kReasons, status, &ReasonWords::status);
  return it == kReasons.end() ? std::string_view("INTERNAL") : it->reason;
}

http::Response ToResponse(const Problem& problem) {
  const std::string reason(problem.reason.empty() ? DefaultReason(problem.status)
                                                  : std::string_view(problem.reason));
  const ReasonWords* words = FindReason(reason);
  if (words == nullptr) words = FindReason(DefaultReason(problem.status));
  base::Json json = base::Json::Object();
  json["type"] = base::Json::String(base::Cat("/problems/", reason));
  json["title"] = base::Json::String(words->title);
  json["status"] = base::Json::Number(problem.status);
  json["detail"] = base::Json::String(
      base::Printable(problem.detail.empty() ? words->advice : std::string_view(problem.detail)));
  json["reason"] = base::Json::String(reason);
  if (!problem.field.empty()) {
    base::Json error = base::Json::Object();
    error["field"] = base::Json::String(base::Printable(problem.field));
    error["detail"] = json["detail"];
    json["errors"] = base::Json::Array({std::move(error)});
  }
  if (!problem.trace.empty()) json["trace"] = base::Json::String(problem.trace);
  http::Response response{
      .status = problem.status, .content_type = "application/problem+json", .body = json.Print()};
  if (problem.status == 401)
    response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"cleanmail\""});
  if (problem.status == 503) response.headers.push_back({"Retry-After", "2"});
  return response;
}

Problem ProblemOf(const absl::Status& status, std::string_view trace) {
  Problem problem{.status = StatusOf(status.code()),
                  .reason = rpc::ReasonOf(status),
                  .detail = std::string(base::View(status.message())),
                  .field = CamelPath(rpc::FieldOf(status)),
                  .trace = std::string(trace)};
  if (problem.reason == "ETAG_MISMATCH") problem.status = 412;
  if (problem.reason.empty() && status.code() == absl::StatusCode::kAlreadyExists)
    problem.reason = "ALREADY_EXISTS";
  if (problem.status == 404)
    return {.status = 404, .detail = "no such resource", .trace = std::string(trace)};
  if (problem.status == 500) return {.status = 500, .trace = std::string(trace)};
  if (!IsReason(problem.reason)) problem.reason.clear();
  return problem;
}

std::string HtmlEscaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string ReasonPage(std::string_view reason) {
  if (!IsReason(reason)) return "";
  const ReasonWords* const words = FindReason(reason);
  const std::string_view title = words == nullptr ? "The request was refused" : words->title;
  const std::string_view advice =
      words == nullptr ? "The detail of the answer says what is in the way." : words->advice;
  return base::Cat("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>", reason,
                   "</title>\n<h1>", HtmlEscaped(title), "</h1>\n<p><code>", reason,
                   "</code></p>\n<p>", HtmlEscaped(advice), "</p>\n</html>\n");
}

}  // namespace cleanmail::portal
