#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/provisioning/import/lines.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning::import {

enum class Outcome { kCreated = 1, kUpdated, kUnchanged, kFailed };

struct LineResult {
  int64_t line = 0;
  Outcome outcome = Outcome::kFailed;
  std::string address = {};
  std::string message = {};
};

// Lines of one file applied to the tenant's directory inside one transaction. Groups are written
// once, at the end: a thousand new members are one change of their group.
class Batch {
 public:
  Batch(Transaction& transaction, std::string_view tenant)
      : transaction_(transaction), tenant_(tenant) {}

  // What became of the line. A status other than OK is the database's: the transaction is lost.
  absl::StatusOr<LineResult> Apply(const UserLine& line);
  absl::StatusOr<LineResult> Apply(const ObservedLine& line);
  // After the last line.
  absl::Status Finish();

 private:
  struct Moves {
    std::set<std::string> in;
    std::set<std::string> out;
  };
  absl::StatusOr<Outcome> Put(const UserLine& line);
  absl::StatusOr<Outcome> Put(const ObservedLine& line);
  // Groups (names) a user shall be in.
  absl::StatusOr<std::set<std::string>> GroupsWanted(const UserLine& line) const;
  void Move(const std::string& address, const std::set<std::string>& from,
            const std::set<std::string>& to);
  template <class Line>
  absl::StatusOr<LineResult> Told(const Line& line);

  Transaction& transaction_;
  const std::string tenant_;
  std::map<std::string, Moves> moves_;  // by the group's name
};

}  // namespace cleanmail::provisioning::import
