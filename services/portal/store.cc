#include "services/portal/store.h"

#include <array>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/portal/migrations.h"

namespace cleanmail::portal {
namespace {

constexpr std::string_view kTokenColumns =
    "SELECT id, parent, secret_hash, description, role, domains, account, scopes, expires_at_us, "
    "created_at_us, creator, used_at_us FROM api_tokens ";

// Domains and scopes hold no commas.
std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += base::Cat(text.empty() ? "" : ",", part);
  return text;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

TokenRow ToToken(const sql::Row& row) {
  return {.id = row.Text(0),
          .parent = row.Text(1),
          .secret_hash = row.Text(2),
          .description = row.Text(3),
          .role = static_cast<rpc::Role>(row.Int(4)),
          .domains = Split(row.Text(5)),
          .user = row.Text(6),
          .scopes = Split(row.Text(7)),
          .expires_at_us = row.Int(8),
          .created_at_us = row.Int(9),
          .creator = row.Text(10),
          .used_at_us = row.Int(11)};
}

std::string Text(std::string_view view) { return std::string(view); }

}  // namespace

std::span<const sql::Migration> Migrations() {
  static const std::array<sql::Migration, 1> kMigrations = {
      sql::Migration{1, "portal", kMigration0001Portal}};
  return kMigrations;
}

absl::Status Store::AddToken(const TokenRow& token) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute(
            "INSERT INTO api_tokens (id, parent, secret_hash, description, role, domains, account, "
            "scopes, expires_at_us, created_at_us, creator, used_at_us) VALUES (:id, :parent, "
            ":secret_hash, :description, :role, :domains, :account, :scopes, :expires_at_us, "
            ":created_at_us, :creator, 0)",
            {{"id", token.id},
             {"parent", token.parent},
             {"secret_hash", token.secret_hash},
             {"description", token.description},
             {"role", static_cast<int64_t>(token.role)},
             {"domains", Joined(token.domains)},
             {"account", token.user},
             {"scopes", Joined(token.scopes)},
             {"expires_at_us", token.expires_at_us},
             {"created_at_us", token.created_at_us},
             {"creator", token.creator}})
        .status();
  });
}

absl::StatusOr<TokenRow> Store::FindToken(std::string_view id) {
  TokenRow token;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kTokenColumns, "WHERE id = :id"), {{"id", Text(id)}}));
    if (rows.empty()) return absl::NotFoundError("no such token");
    token = ToToken(rows[0]);
    return absl::OkStatus();
  }));
  return token;
}

absl::StatusOr<std::vector<TokenRow>> Store::ListTokens(std::string_view parent,
                                                        std::string_view after, int32_t limit) {
  std::vector<TokenRow> tokens;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kTokenColumns,
                                "WHERE parent = :parent AND (:after = '' OR id < :after) ORDER BY "
                                "id DESC LIMIT :limit"),
                      {{"parent", Text(parent)},
                       {"after", Text(after)},
                       {"limit", static_cast<int64_t>(limit)}}));
    for (const sql::Row& row : rows) tokens.push_back(ToToken(row));
    return absl::OkStatus();
  }));
  return tokens;
}

absl::Status Store::DeleteToken(std::string_view id) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const int64_t changed,
        session.Execute("DELETE FROM api_tokens WHERE id = :id", {{"id", Text(id)}}));
    return changed > 0 ? absl::OkStatus() : absl::NotFoundError("no such token");
  });
}

absl::StatusOr<std::vector<std::string>> Store::TokenParents() {
  std::vector<std::string> parents;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                               session.Query("SELECT DISTINCT parent FROM api_tokens"));
    for (const sql::Row& row : rows) parents.push_back(row.Text(0));
    return absl::OkStatus();
  }));
  return parents;
}

absl::StatusOr<int64_t> Store::DeleteTokensOf(std::string_view parent) {
  int64_t changed = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(changed,
                               session.Execute("DELETE FROM api_tokens WHERE parent = :parent",
                                               {{"parent", Text(parent)}}));
    return absl::OkStatus();
  }));
  return changed;
}

absl::Status Store::MarkUsed(std::string_view id, int64_t at_us) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute("UPDATE api_tokens SET used_at_us = :at WHERE id = :id",
                 {{"at", at_us}, {"id", Text(id)}})
        .status();
  });
}

absl::StatusOr<std::optional<AnswerRow>> Store::BeginAnswer(std::string_view id,
                                                            std::string_view request_hash,
                                                            int64_t at_us) {
  std::optional<AnswerRow> found;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    found.reset();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const int64_t added,
        session.Execute("INSERT INTO answers (id, request_hash, status, content_type, body, "
                        "began_at_us) VALUES (:id, :request_hash, 0, '', '', :at) ON CONFLICT (id) "
                        "DO NOTHING",
                        {{"id", Text(id)}, {"request_hash", Text(request_hash)}, {"at", at_us}}));
    if (added > 0) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT request_hash, status, content_type, body, began_at_us FROM answers "
                      "WHERE id = :id",
                      {{"id", Text(id)}}));
    if (rows.empty()) return absl::AbortedError("an answer that is gone again");
    found = AnswerRow{.request_hash = rows[0].Text(0),
                      .status = static_cast<int>(rows[0].Int(1)),
                      .content_type = rows[0].Text(2),
                      .body = rows[0].Text(3),
                      .began_at_us = rows[0].Int(4)};
    return absl::OkStatus();
  }));
  return found;
}

absl::Status Store::KeepAnswer(std::string_view id, const AnswerRow& answer) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute(
            "UPDATE answers SET status = :status, content_type = :content_type, body = :body "
            "WHERE id = :id",
            {{"status", static_cast<int64_t>(answer.status)},
             {"content_type", answer.content_type},
             {"body", answer.body},
             {"id", Text(id)}})
        .status();
  });
}

absl::Status Store::ForgetAnswer(std::string_view id) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session.Execute("DELETE FROM answers WHERE id = :id", {{"id", Text(id)}}).status();
  });
}

absl::Status Store::ForgetAnswersBefore(int64_t at_us) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session.Execute("DELETE FROM answers WHERE began_at_us < :at", {{"at", at_us}}).status();
  });
}

}  // namespace cleanmail::portal
