#include "services/scanner/worker/observations.h"

#include <algorithm>

#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr size_t kLongestEvidence = 300;

}  // namespace

void Observations::Add(FindingId finding, std::string_view engine, std::string_view evidence) {
  Seen& seen = seen_[{finding, std::string(engine)}];
  const std::string text(evidence.substr(0, kLongestEvidence));
  if (std::ranges::find(seen.evidence, text) != seen.evidence.end()) return;
  if (seen.evidence.size() < kMostNamed)
    seen.evidence.push_back(text);
  else
    ++seen.more;
}

void Observations::MoveTo(v1::ScanAnswer& answer) && {
  for (auto& [key, seen] : seen_) {
    v1::Observation& observation = *answer.add_observations();
    observation.set_finding(std::string(EntryOf(key.first).name));
    observation.set_engine(key.second);
    std::string evidence;
    for (const std::string& one : seen.evidence) evidence += (evidence.empty() ? "" : "; ") + one;
    if (seen.more > 0) evidence += base::Cat("; and ", seen.more, " more");
    observation.set_evidence(std::move(evidence));
  }
}

}  // namespace cleanmail::scanner::worker
