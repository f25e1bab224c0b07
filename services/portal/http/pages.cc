#include "services/portal/http/pages.h"

#include <array>

#include "libs/base/cat.h"
#include "libs/refusals/refusals.h"
#include "services/portal/http/docs_page.h"
#include "services/portal/http/problem.h"

namespace cleanmail::portal {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kProblems = "/problems/";
constexpr std::string_view kRefusals = "/refusals/";

http::Response Static(std::string_view type, std::string_view body) {
  return {.content_type = std::string(type),
          .body = std::string(body),
          .headers = {{"Content-Security-Policy", std::string(kPolicy)}}};
}

std::string Page(std::string_view title, std::string_view body) {
  return base::Cat("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>",
                   HtmlEscaped(title), "</title>\n<h1>", HtmlEscaped(title), "</h1>\n", body,
                   "</html>\n");
}

std::string RefusalPage(const refusals::Refusal& refusal) {
  return Page(refusal.code,
              base::Cat("<p><code>", refusal.reply, " ", refusal.enhanced, "</code> ",
                        HtmlEscaped(refusal.sentence), "</p>\n<h2>What it means</h2>\n<p>",
                        HtmlEscaped(refusal.meaning), "</p>\n<h2>What can be done</h2>\n<p>",
                        HtmlEscaped(refusal.advice),
                        "</p>\n<p><a href=\"/refusals\">All "
                        "refusals</a></p>\n"));
}

std::string RefusalsPage() {
  std::string rows;
  for (const refusals::Refusal& refusal : refusals::All()) {
    rows += base::Cat("<li><a href=\"/refusals/", refusal.code, "\">", refusal.code, "</a> ",
                      HtmlEscaped(refusal.sentence), "</li>\n");
  }
  return Page("Why mail was refused", base::Cat("<ul>\n", rows, "</ul>\n"));
}

}  // namespace

std::optional<http::Response> PageAt(std::string_view path) {
  if (path == "/") return http::Response{.status = 302, .headers = {{"Location", "/docs"}}};
  if (path == "/docs") return Static("text/html; charset=utf-8", kDocsHtml);
  if (path == "/docs/page.js") return Static("text/javascript; charset=utf-8", kDocsJs);
  if (path == "/docs/page.css") return Static("text/css; charset=utf-8", kDocsCss);
  if (path == "/refusals") return Static("text/html; charset=utf-8", RefusalsPage());
  if (path.starts_with(kRefusals)) {
    const refusals::Refusal* refusal = refusals::Find(path.substr(kRefusals.size()));
    if (refusal != nullptr) return Static("text/html; charset=utf-8", RefusalPage(*refusal));
  }
  if (path.starts_with(kProblems)) {
    const std::string page = ReasonPage(path.substr(kProblems.size()));
    if (!page.empty()) return Static("text/html; charset=utf-8", page);
  }
  return std::nullopt;
}

std::string_view PublicFileAt(std::string_view path) {
  if (path == "/source-ranges.txt") return "/cleanmail.egress.v1.EgressService/ExportSourceRanges";
  return {};
}

}  // namespace cleanmail::portal
