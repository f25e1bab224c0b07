#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"

namespace cleanmail::outbox {

// One of several processes holds the right to send: the row of `outbox_lease`. It lets the row's
// beat grow; who has seen the same beat for kSilence takes the row. No process's time of day
// matters, only how long each has waited. Not thread-safe.
class Lease {
 public:
  static constexpr std::chrono::milliseconds kRenewInterval{500};
  static constexpr std::chrono::milliseconds kTrusted{2000};  // after a renewal
  static constexpr std::chrono::milliseconds kSilence{3000};

  explicit Lease(sql::Database& database);
  // Takes or renews it when that is due; whether it is held now.
  absl::StatusOr<bool> Hold();
  // Whether it is still surely held: nobody else can have taken it yet.
  bool held() const { return std::chrono::steady_clock::now() < held_until_; }
  // Lets another take it at once.
  void Release();

 private:
  using Time = std::chrono::steady_clock::time_point;
  absl::StatusOr<bool> Ask(sql::Session& session);

  sql::Database& database_;
  const std::string me_;
  Time held_until_{};
  Time renew_at_{};
  // Another's beat and since when it is the same.
  std::string seen_holder_;
  int64_t seen_beat_ = -1;
  Time seen_since_{};
};

}  // namespace cleanmail::outbox
