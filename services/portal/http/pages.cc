#include "services/portal/http/pages.h"

#include <array>

#include "services/portal/http/docs_page.h"
#include "services/portal/http/problem.h"

namespace cleanmail::portal {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kProblems = "/problems/";

http::Response Static(std::string_view type, std::string_view body) {
  return {.content_type = std::string(type),
          .body = std::string(body),
          .headers = {{"Content-Security-Policy", std::string(kPolicy)}}};
}

}  // namespace

std::optional<http::Response> PageAt(std::string_view path) {
  if (path == "/") return http::Response{.status = 302, .headers = {{"Location", "/docs"}}};
  if (path == "/docs") return Static("text/html; charset=utf-8", kDocsHtml);
  if (path == "/docs/page.js") return Static("text/javascript; charset=utf-8", kDocsJs);
  if (path == "/docs/page.css") return Static("text/css; charset=utf-8", kDocsCss);
  if (path.starts_with(kProblems)) {
    const std::string page = ReasonPage(path.substr(kProblems.size()));
    if (!page.empty()) return Static("text/html; charset=utf-8", page);
  }
  return std::nullopt;
}

}  // namespace cleanmail::portal
