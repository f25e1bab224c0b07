#include "services/scanner/worker/clamav_engine.h"

#include <clamav.h>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr std::string_view kLimitSignature = "Heuristics.Limits.Exceeded";

absl::Status Failed(std::string_view what, cl_error_t error) {
  return absl::InternalError(base::Cat("libclamav: ", what, ": ", cl_strerror(error)));
}

// Its limits are ours; a zero of ours means none, which is also what its zero means.
void SetLimits(cl_engine* engine, const std::string& scratch, const v1::InspectionLimits& limits) {
  constexpr int64_t kLargestFile = int64_t{2} << 30;  // beyond it libclamav passes over files
  const auto set = [engine](cl_engine_field field, int64_t value) {
    cl_engine_set_num(engine, field, value);
  };
  set(CL_ENGINE_MAX_SCANSIZE, 0);
  set(CL_ENGINE_MAX_FILESIZE, kLargestFile - 1);
  set(CL_ENGINE_MAX_FILES, 10'000);  // objects of a document count as well
  set(CL_ENGINE_MAX_RECURSION, 17);  // counts every layer, the message's own as well
  if (limits.total_bytes() > 0) set(CL_ENGINE_MAX_SCANSIZE, 2 * limits.total_bytes() + (100 << 20));
  // Signatures may be programs. They are interpreted: no memory becomes executable.
  set(CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER);
  set(CL_ENGINE_MAX_SCANTIME, 30'000);
  cl_engine_set_str(engine, CL_ENGINE_TMPDIR, scratch.c_str());
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClamAvEngine>> ClamAvEngine::Load(
    const std::string& database, const std::string& scratch, const v1::InspectionLimits& limits) {
  cl_set_clcb_msg([](cl_msg, const char*, const char*, void*) {});  // nothing to stderr
  if (const cl_error_t error = cl_init(CL_INIT_DEFAULT); error != CL_SUCCESS)
    return Failed("initialising", error);
  cl_engine* const engine = cl_engine_new();
  if (engine == nullptr) return absl::InternalError("libclamav: no memory");
  SetLimits(engine, scratch, limits);
  unsigned signatures = 0;
  cl_error_t error = cl_load(database.c_str(), engine, &signatures,
                             CL_DB_PHISHING | CL_DB_PHISHING_URLS | CL_DB_BYTECODE);
  if (error == CL_SUCCESS) error = cl_engine_compile(engine);
  if (error != CL_SUCCESS) {
    cl_engine_free(engine);
    return Failed(base::Cat("loading ", database), error);
  }
  if (signatures == 0) {
    cl_engine_free(engine);
    return absl::NotFoundError(base::Cat("no signatures in ", database));
  }
  return std::unique_ptr<ClamAvEngine>(new ClamAvEngine(engine, signatures));
}

ClamAvEngine::~ClamAvEngine() { cl_engine_free(engine_); }

void ClamAvEngine::UseScratch(const std::string& folder) {
  cl_engine_set_str(engine_, CL_ENGINE_TMPDIR, folder.c_str());
}

v1::EngineState ClamAvEngine::State() const {
  v1::EngineState state;
  state.set_engine("clamav");
  state.set_version(cl_retver());
  state.set_signatures(signatures_);
  int ignored = 0;
  state.set_signatures_at_us(cl_engine_get_num(engine_, CL_ENGINE_DB_TIME, &ignored) * 1'000'000);
  return state;
}

absl::StatusOr<std::vector<Match>> ClamAvEngine::Scan(std::string_view bytes) {
  std::vector<Match> matches;
  if (bytes.empty()) return matches;
  cl_scan_options options = {};
  options.general = CL_SCAN_GENERAL_HEURISTICS | CL_SCAN_GENERAL_UNPRIVILEGED;
  options.parse = ~0u & ~static_cast<unsigned>(CL_SCAN_PARSE_IMAGE_FUZZY_HASH);
  options.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX;
  cl_fmap_t* const map = cl_fmap_open_memory(bytes.data(), bytes.size());
  if (map == nullptr) return absl::InternalError("libclamav: cannot map the file");
  const char* signature = nullptr;
  unsigned long scanned = 0;
  const cl_error_t error =
      cl_scanmap_callback(map, nullptr, &signature, &scanned, engine_, &options, nullptr);
  cl_fmap_close(map);
  if (error == CL_VIRUS) {
    const std::string name = signature == nullptr ? "" : signature;
    // Beside signatures, which know malware, libclamav has suspicions of its own.
    matches.push_back({absl::StartsWith(name, base::AbslView(kLimitSignature))
                           ? Match::Kind::kTooLarge
                       : absl::StartsWith(name, "Heuristics.") ? Match::Kind::kSuspicious
                                                               : Match::Kind::kMalware,
                       name});
  } else if (error != CL_CLEAN) {
    return Failed("scanning", error);
  }
  return matches;
}

}  // namespace cleanmail::scanner::worker
