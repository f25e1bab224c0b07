#include "services/scanner/analyzers/structure/structure.h"

#include "libs/base/cat.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {

absl::StatusOr<Findings> Structure::Analyze(const ParsedMessage& message) {
  const mail::mime::Structure& structure = message.parts.structure;
  Findings findings;
  if (structure.over_limit) {
    const bool deep = structure.depth >= limits_.depth;
    findings.push_back(
        deep ? MakeFinding(FindingId::kTooDeep, base::Cat("deeper than ", limits_.depth), name())
             : MakeFinding(FindingId::kTooManyParts, base::Cat("more than ", limits_.parts),
                           name()));
  }
  return findings;
}

}  // namespace cleanmail::scanner
