#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/http/message.h"

namespace cleanmail::portal {

// What went wrong, as RFC 9457 tells it.
struct Problem {
  int status = 500;
  std::string reason = {};  // a word in capitals; empty: the status' own
  std::string detail = {};  // one sentence for people
  std::string field = {};   // path in camelCase, where one is to blame
  std::string trace = {};   // id to find it by in the log
};

// `application/problem+json`, with `type` /problems/{reason}.
http::Response ToResponse(const Problem& problem);

// What a room answered. What is missing and what is somebody else's is told in the same words; of
// internal errors only the trace is told.
Problem ProblemOf(const absl::Status& status, std::string_view trace);

// The page about a reason; nullopt-like empty text for a word that is none.
std::string ReasonPage(std::string_view reason);

// Every reason the portal itself gives, with the status it comes with, for the OpenAPI document.
struct ReasonWords {
  std::string_view reason;
  int status;
  std::string_view title;
  std::string_view advice;  // what to do
};
const ReasonWords* FindReason(std::string_view reason);
// The reason a status stands for when nothing more is known.
std::string_view DefaultReason(int status);

// `text` for HTML.
std::string HtmlEscaped(std::string_view text);

}  // namespace cleanmail::portal
