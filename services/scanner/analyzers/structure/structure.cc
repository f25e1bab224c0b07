#include "services/scanner/analyzers/structure/structure.h"

#include "libs/base/cat.h"
#include "libs/mail/mime/structure.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {

absl::StatusOr<Findings> Structure::Analyze(std::string_view message) {
  const mail::mime::Structure structure = mail::mime::Inspect(message, {.parts = limits_.parts, .depth = limits_.depth});
  Findings findings;
  if (structure.parts > limits_.parts) {
    findings.push_back(MakeFinding(FindingId::kTooManyParts, base::Cat("more than ", limits_.parts), name()));
  }
  if (structure.depth > limits_.depth) {
    findings.push_back(MakeFinding(FindingId::kTooDeep, base::Cat("deeper than ", limits_.depth), name()));
  }
  return findings;
}

}  // namespace cleanmail::scanner
