#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/rpc/caller.h"
#include "libs/store/sql/database.h"

namespace cleanmail::portal {

// A token as it is kept. Times are microseconds since 1970.
struct TokenRow {
  std::string id = {};
  std::string parent = {};       // empty, `partners/x`, `tenants/x`
  std::string secret_hash = {};  // SHA-256, hex
  std::string description = {};
  rpc::Role role = rpc::Role::kNone;
  std::vector<std::string> domains = {};
  std::string user = {};
  std::vector<std::string> scopes = {};
  int64_t expires_at_us = 0;  // 0: never
  int64_t created_at_us = 0;
  std::string creator = {};
  int64_t used_at_us = 0;  // 0: never
};

// An answer kept for a repeated request.
struct AnswerRow {
  std::string request_hash = {};
  int status = 0;  // 0: being answered
  std::string content_type = {};
  std::string body = {};
  int64_t began_at_us = 0;
};

std::span<const sql::Migration> Migrations();

// The portal's tables. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  absl::Status AddToken(const TokenRow& token);
  // NotFound.
  absl::StatusOr<TokenRow> FindToken(std::string_view id);
  // Newest first, after `after` (an id).
  absl::StatusOr<std::vector<TokenRow>> ListTokens(std::string_view parent, std::string_view after,
                                                   int32_t limit);
  // NotFound.
  absl::Status DeleteToken(std::string_view id);
  // Every parent that has tokens, the installation ("") included.
  absl::StatusOr<std::vector<std::string>> TokenParents();
  // Those of a parent that is gone. Number of tokens.
  absl::StatusOr<int64_t> DeleteTokensOf(std::string_view parent);
  absl::Status MarkUsed(std::string_view id, int64_t at_us);

  // Claims a key for a request; what is there already if somebody has. nullopt: it is ours now.
  absl::StatusOr<std::optional<AnswerRow>> BeginAnswer(std::string_view id,
                                                       std::string_view request_hash,
                                                       int64_t at_us);
  absl::Status KeepAnswer(std::string_view id, const AnswerRow& answer);
  // The request came to nothing: it may be tried again.
  absl::Status ForgetAnswer(std::string_view id);
  absl::Status ForgetAnswersBefore(int64_t at_us);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::portal
