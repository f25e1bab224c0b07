#include "services/scanner/local_analyzers.h"

#include "services/scanner/analyzers/appearance/appearance.h"
#include "services/scanner/analyzers/brands/brands.h"
#include "services/scanner/analyzers/links/links.h"
#include "services/scanner/analyzers/newsletter/newsletter.h"
#include "services/scanner/analyzers/spam/gtube.h"
#include "services/scanner/analyzers/structure/structure.h"
#include "services/scanner/analyzers/wording/wording.h"

namespace cleanmail::scanner {

std::vector<std::unique_ptr<Analyzer>> LocalAnalyzers(mail::mime::StructureLimits limits) {
  std::vector<std::unique_ptr<Analyzer>> analyzers;
  analyzers.push_back(std::make_unique<Structure>(limits));
  analyzers.push_back(std::make_unique<Gtube>());
  analyzers.push_back(std::make_unique<Links>());
  analyzers.push_back(std::make_unique<Newsletter>());
  analyzers.push_back(std::make_unique<Brands>());
  analyzers.push_back(std::make_unique<Wording>());
  analyzers.push_back(std::make_unique<Appearance>());
  return analyzers;
}

}  // namespace cleanmail::scanner
