#include "libs/app/operations.h"

#include "libs/base/status_macros.h"

namespace cleanmail::app {
namespace {

http::Response Answer(const OperationsSources& sources, const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD")
    return {.status = 405, .body = "only GET and HEAD\n"};
  if (request.path == "/livez") return {.body = "alive\n"};
  if (request.path == "/readyz") {
    const absl::Status ready = sources.ready();
    std::string body = ready.ok() ? "ready\n" : base::Cat("not ready: ", ready.message(), "\n");
    for (const std::string& warning : sources.warnings())
      body += base::Cat("warning: ", warning, "\n");
    return {.status = ready.ok() ? 200 : 503, .body = std::move(body)};
  }
  if (request.path == "/metrics") {
    std::string metrics = sources.metrics();
    if (metrics.empty()) return {.status = 503, .body = "the process has not started yet\n"};
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(metrics)};
  }
  if (request.path == "/configz") return {.body = sources.settings()};
  return {.status = 404, .body = "here are /livez /readyz /metrics /configz\n"};
}

}  // namespace

absl::StatusOr<std::unique_ptr<http::Server>> OpenOperations(const std::string& address,
                                                             OperationsSources sources) {
  absl::StatusOr<std::unique_ptr<http::Server>> server =
      http::Server::Open(address, [sources = std::move(sources)](const http::Request& request) {
        return Answer(sources, request);
      });
  if (server.ok()) return server;
  return base::Annotate(server.status(), "app.operations.listen (choose another port, or \"off\")");
}

}  // namespace cleanmail::app
