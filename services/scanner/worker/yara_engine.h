#pragma once

#include <memory>

#include "services/scanner/worker/file_engine.h"

struct YR_RULES;

namespace cleanmail::scanner::worker {

// libyara over rule files. Only within a worker process. A rule with the tag `suspicious` is a
// hint; a match of any other is malware.
class YaraEngine final : public FileEngine {
 public:
  // Compiles every .yar and .yara file of `paths`, files or folders. A file that does not compile
  // is left out and told in State(); an error when none does.
  static absl::StatusOr<std::unique_ptr<YaraEngine>> Load(const std::vector<std::string>& paths);
  ~YaraEngine() override;

  std::string_view name() const override { return "yara"; }
  v1::EngineState State() const override { return state_; }
  absl::StatusOr<std::vector<Match>> Scan(std::string_view bytes) override;

 private:
  YaraEngine(YR_RULES* rules, v1::EngineState state) : rules_(rules), state_(std::move(state)) {}

  YR_RULES* const rules_;
  const v1::EngineState state_;
};

}  // namespace cleanmail::scanner::worker
