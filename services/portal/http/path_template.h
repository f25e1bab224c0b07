#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::portal {

// A path of cleanmail.api.v1.Http: `/v1/{name=tenants/*/holds/*}:release`.
class PathTemplate {
 public:
  // InvalidArgument: not one.
  static absl::StatusOr<PathTemplate> Parse(std::string_view text);

  // Values of the variables by field path, decoded, if `path` (as sent, without query) is one of
  // these. A segment that decodes to something with a slash, a control character or no UTF-8
  // matches nothing.
  std::optional<std::vector<std::pair<std::string, std::string>>> Match(
      std::string_view path) const;

  // For people and OpenAPI: `/v1/tenants/{tenant}/holds/{hold}:release`.
  std::string Printed() const;
  // Names in Printed, in order.
  std::vector<std::string> parameters() const;
  // Field paths it fills.
  std::vector<std::string> variables() const;
  const std::string& verb() const { return verb_; }

 private:
  struct Segment {
    std::string literal;    // empty: any
    std::string parameter;  // name in Printed
    int variable = -1;      // index into variables_, -1: none
  };
  std::vector<Segment> segments_;
  std::vector<std::string> variables_;
  std::string verb_;  // behind the colon
};

// Bytes of percent-encoded text; nullopt for a percent sign that is none's. `plus_is_space` for
// queries.
std::optional<std::string> PercentDecoded(std::string_view text, bool plus_is_space = false);

}  // namespace cleanmail::portal
