#pragma once

#include <memory>

#include "services/scanner/worker/file_engine.h"

struct cl_engine;

namespace cleanmail::scanner::worker {

// libclamav over a folder of signatures. Only within a worker process.
class ClamAvEngine final : public FileEngine {
 public:
  // Loads every signature: seconds for ClamAV's own. `scratch` takes its temporary files.
  static absl::StatusOr<std::unique_ptr<ClamAvEngine>> Load(const std::string& database,
                                                            const std::string& scratch,
                                                            const v1::InspectionLimits& limits);
  ~ClamAvEngine() override;

  std::string_view name() const override { return "clamav"; }
  v1::EngineState State() const override;
  void UseScratch(const std::string& folder) override;
  absl::StatusOr<std::vector<Match>> Scan(std::string_view bytes) override;

 private:
  ClamAvEngine(cl_engine* engine, int64_t signatures) : engine_(engine), signatures_(signatures) {}

  cl_engine* const engine_;
  const int64_t signatures_;
};

}  // namespace cleanmail::scanner::worker
