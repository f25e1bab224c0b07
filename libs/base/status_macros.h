#pragma once

#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/cat.h"

// The four macros of the house.

namespace cleanmail::base {

// `status` with `context` in front of its message; code and payloads stay. OK stays OK.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), Cat(context, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* what,
                                     std::string_view why) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s: %.*s\n", file, line, what,
               static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace cleanmail::base

// Returns the status of `expression` from the current function unless it is OK.
#define CLEANMAIL_RETURN_IF_ERROR(expression)                                   \
  do {                                                                          \
    if (absl::Status cleanmail_status_ = (expression); !cleanmail_status_.ok()) \
      return cleanmail_status_;                                                 \
  } while (false)

// Puts the value of a StatusOr into `target` or returns its status: CLEANMAIL_ASSIGN_OR_RETURN(auto
// x, F());
#define CLEANMAIL_ASSIGN_OR_RETURN(target, expression) \
  CLEANMAIL_ASSIGN_OR_RETURN_(CLEANMAIL_JOIN_(cleanmail_statusor_, __LINE__), target, expression)
#define CLEANMAIL_ASSIGN_OR_RETURN_(statusor, target, expression) \
  auto statusor = (expression);                                   \
  if (!statusor.ok()) return std::move(statusor).status();        \
  target = *std::move(statusor)
#define CLEANMAIL_JOIN_(a, b) CLEANMAIL_JOIN__(a, b)
#define CLEANMAIL_JOIN__(a, b) a##b

// Ends the process with a sentence when something that cannot happen has happened. Never for
// anything a stranger can cause.
#define CLEANMAIL_CHECK(condition, why)                                                      \
  do {                                                                                       \
    if (!(condition)) ::cleanmail::base::CheckFailed(__FILE__, __LINE__, #condition, (why)); \
  } while (false)

// The same for a Status that must be OK.
#define CLEANMAIL_CHECK_OK(expression)                                          \
  do {                                                                          \
    if (absl::Status cleanmail_status_ = (expression); !cleanmail_status_.ok()) \
      ::cleanmail::base::CheckFailed(__FILE__, __LINE__, #expression,           \
                                     cleanmail_status_.ToString());             \
  } while (false)
