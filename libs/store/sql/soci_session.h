#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <soci/soci.h>

#include "libs/store/sql/database.h"

namespace cleanmail::sql {

// What an engine says when it throws, as a Status.
using ErrorMapping = std::function<absl::Status(const std::exception& error)>;

// A connection, whatever its engine. Statements are prepared once per text and types of parameters.
// Not thread-safe.
class SociSession final : public Session {
 public:
  SociSession(std::unique_ptr<soci::session> session, ErrorMapping map_error);
  ~SociSession() override;

  absl::StatusOr<int64_t> Execute(std::string_view statement,
                                  const Parameters& parameters = {}) override;
  absl::Status ExecuteMany(std::string_view statement, std::span<const Parameters> rows) override;
  absl::StatusOr<std::vector<Row>> Query(std::string_view statement,
                                         const Parameters& parameters = {}) override;
  // A statement without parameters that is not worth being kept prepared (BEGIN, PRAGMA).
  absl::Status Run(std::string_view statement);
  // The first error since the last call.
  absl::Status TakeFailure() { return std::exchange(failure_, absl::OkStatus()); }

 private:
  struct Prepared;
  absl::Status Failed(const std::string& text, const std::exception& error);
  Prepared& Find(const std::string& text, const Parameters& parameters, bool query);

  std::unique_ptr<soci::session> session_;
  const ErrorMapping map_error_;
  std::unordered_map<std::string, std::vector<std::unique_ptr<Prepared>>> prepared_;
  absl::Status failure_;
};

}  // namespace cleanmail::sql
