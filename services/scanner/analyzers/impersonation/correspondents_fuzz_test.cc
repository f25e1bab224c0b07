#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/scanner/analyzers/impersonation/correspondents.h"
#include "services/scanner/analyzers/impersonation/lookalike.h"
#include "services/scanner/analyzers/impersonation/names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const GuardedDomain guarded("acme.example");
  const auto all = ReadCorrespondents(text);
  if (all.size() > kMostCorrespondents) std::abort();
  for (const Correspondent& one : all) {
    (void)NameWords(one.name);
    (void)DomainsInName(one.name);
    if (!one.domain.empty()) (void)Resembles(one.domain, guarded);
  }
  return 0;
}
