#pragma once

#include <memory>
#include <vector>

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// The analyzers that need nothing but the message: no engine, no network, no memory. What
// `cleanmail scan` works with, and every scanner's first ones.
std::vector<std::unique_ptr<Analyzer>> LocalAnalyzers(mail::mime::StructureLimits limits);

}  // namespace cleanmail::scanner
