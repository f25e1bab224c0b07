#include "services/cli/connection.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/config/config.h"
#include "libs/http/client.h"
#include "proto/cleanmail/app/v1/config.pb.h"
#include "proto/cleanmail/portal/v1/config.pb.h"

namespace cleanmail::cli {
namespace {

// A configuration file has a section for each room; only `app` and `portal` matter here.
const std::array<std::string, 9> kSections = {"app",          "ingress",    "scanner",
                                              "policy",       "quarantine", "egress",
                                              "provisioning", "reporting",  "portal"};

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::string> FindSocket(const ServerFlags& flags) {
  if (!flags.socket.empty()) return flags.socket;
  if (flags.config.empty()) {
    const std::string named = FromEnvironment("CLEANMAIL_SOCKET");
    return named.empty() ? "cleanmail-data/api.sock" : named;
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const config::Document document,
                             config::Document::Load(flags.config, kSections));
  CLEANMAIL_ASSIGN_OR_RETURN(const auto app, document.Section<app::v1::AppConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(const auto portal, document.Section<portal::v1::PortalConfig>());
  const std::string name = portal.socket().empty() ? "api.sock" : portal.socket();
  return name.starts_with('/') ? name : base::Cat(app.data_folder(), "/", name);
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!(file >> token))
    return absl::InvalidArgumentError(base::Cat("no token can be read from ", path));
  return token;
}

absl::StatusCode CodeOf(int status) {
  switch (status) {
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kFailedPrecondition;
    case 412:
      return absl::StatusCode::kAborted;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return status < 500 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kInternal;
  }
}

// What a problem says, on one line: what is wrong, where, what to do.
absl::Status ToStatus(const http::ClientResponse& response) {
  const absl::StatusOr<base::Json> problem = base::ParseJson(response.body);
  if (!problem.ok())
    return absl::Status(CodeOf(response.status),
                        base::Cat("the gateway answered ", response.status));
  std::string text(problem->TextOf("detail"));
  const base::Json* const errors = problem->Find("errors");
  if (errors != nullptr && !errors->items.empty()) {
    const std::string_view field = errors->items[0].TextOf("field");
    if (text.find(field) == std::string::npos) text += base::Cat(" (field ", field, ")");
  }
  if (response.status == 401) text += "; name a token with --token-file";
  if (response.status >= 500) text += base::Cat(" (trace ", problem->TextOf("trace"), ")");
  return absl::Status(CodeOf(response.status),
                      base::Cat(base::Printable(text), " [", problem->TextOf("reason"), "]"));
}

}  // namespace

absl::StatusOr<Connection> Connection::Open(const ServerFlags& flags) {
  Connection connection;
  const std::string server =
      flags.server.empty() ? FromEnvironment("CLEANMAIL_SERVER") : flags.server;
  if (server.empty() || !flags.socket.empty() || (flags.server.empty() && !flags.config.empty())) {
    CLEANMAIL_ASSIGN_OR_RETURN(connection.socket_, FindSocket(flags));
    return connection;
  }
  const std::string token_file =
      flags.token_file.empty() ? FromEnvironment("CLEANMAIL_TOKEN_FILE") : flags.token_file;
  if (token_file.empty())
    return absl::InvalidArgumentError("--server needs --token-file: the file with an API token");
  CLEANMAIL_ASSIGN_OR_RETURN(connection.token_, ReadToken(token_file));
  connection.url_ = server;
  while (connection.url_.ends_with('/')) connection.url_.pop_back();
  connection.ca_file_ = flags.ca_file;
  return connection;
}

absl::StatusOr<std::string> Connection::CallRaw(std::string_view method,
                                                std::string_view path_and_query,
                                                std::string_view body) const {
  http::ClientRequest request{.method = std::string(method),
                              .url = base::Cat(url_, path_and_query),
                              .body = std::string(body),
                              .unix_socket = socket_,
                              .ca_file = ca_file_};
  if (!body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  if (!token_.empty()) request.headers.push_back({"Authorization", base::Cat("Bearer ", token_)});
  const absl::StatusOr<http::ClientResponse> response = http::Fetch(request);
  if (!response.ok()) {
    if (socket_.empty())
      return absl::UnavailableError(
          base::Cat("the gateway does not answer at ", url_, ": ", response.status().message()));
    return absl::UnavailableError(base::Cat(
        "the gateway does not answer at ", socket_, " (", response.status().message(),
        "); start it with `cleanmail serve --config FILE`, or name its socket with --socket"));
  }
  if (response->status >= 400) return ToStatus(*response);
  return response->body;
}

absl::StatusOr<base::Json> Connection::Call(std::string_view method, std::string_view path,
                                            const base::Json* body, const Query& query) const {
  std::string target(path);
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += base::Cat(std::string(1, separator), name, "=", http::Escaped(value));
    separator = '&';
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string answer,
                             CallRaw(method, target, body == nullptr ? "" : body->Print()));
  return base::ParseJson(answer);
}

absl::StatusOr<base::Json> Connection::All(std::string_view path, std::string_view items,
                                           Query query) const {
  base::Json all = base::Json::Object();
  all[items] = base::Json::Array();
  query.emplace_back("pageSize", "1000");
  query.emplace_back("pageToken", "");
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(const base::Json page, Call("GET", path, nullptr, query));
    if (const base::Json* const more = page.Find(items); more != nullptr) {
      for (const base::Json& item : more->items) all[items].Add(item);
    }
    query.back().second = page.TextOf("nextPageToken");
    if (query.back().second.empty()) return all;
  }
}

std::string PathOf(std::string_view name) { return base::Cat("/v1/", http::Escaped(name, "/@+")); }

}  // namespace cleanmail::cli
