#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "services/scanner/learning/lesson.h"
#include "services/scanner/learning/token_hash.h"

namespace cleanmail::scanner::learning {

// A lesson as it is remembered.
struct RememberedLesson {
  Kind kind = Kind::kSpam;
  int64_t learnt_at_us = 0;
  std::vector<Feature> features;
};

// The scanner's tables. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  // The installation's key; `fresh` becomes it when there is none yet.
  absl::StatusOr<TokenKey> KeyOr(const TokenKey& fresh);

  // Remembers lessons of a tenant as `kind`, or forgets them, in one transaction; of each kind the
  // oldest beyond `most` go.
  absl::StatusOr<Taught> Teach(std::string_view tenant, Kind kind, std::span<const Lesson> lessons,
                               int64_t now_us, int64_t most);

  // Every tenant that was taught, by name; the shared one too.
  absl::StatusOr<std::vector<LearningState>> States();
  // Of one; all zero where nothing was taught.
  absl::StatusOr<LearningState> StateOf(std::string_view tenant);

  // Lessons of a tenant whose tokens mean today what they meant then, by digest.
  absl::StatusOr<std::vector<RememberedLesson>> Lessons(std::string_view tenant);

  // Forgets all of a tenant; returns how many there were.
  absl::StatusOr<int64_t> ForgetAll(std::string_view tenant, int64_t now_us);
  // Forgets what every tenant learnt before `before_us`; returns how many.
  absl::StatusOr<int64_t> ForgetBefore(int64_t before_us, int64_t now_us);

 private:
  sql::Database& database_;
};

std::vector<sql::Migration> Migrations();

}  // namespace cleanmail::scanner::learning
