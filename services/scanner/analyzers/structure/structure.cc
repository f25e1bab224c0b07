#include "services/scanner/analyzers/structure/structure.h"

#include "libs/base/cat.h"
#include "libs/mail/mime/structure.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {

absl::StatusOr<Findings> Structure::Analyze(std::string_view message) {
  const mail::mime::Structure structure = mail::mime::Inspect(
      message,
      {.parts = static_cast<size_t>(limits_.parts), .depth = static_cast<size_t>(limits_.depth)});
  Findings findings;
  if (structure.over_limit) {
    const bool deep = structure.depth >= static_cast<size_t>(limits_.depth);
    findings.push_back(
        deep ? MakeFinding(FindingId::kTooDeep, base::Cat("deeper than ", limits_.depth), name())
             : MakeFinding(FindingId::kTooManyParts, base::Cat("more than ", limits_.parts),
                           name()));
  }
  return findings;
}

}  // namespace cleanmail::scanner
