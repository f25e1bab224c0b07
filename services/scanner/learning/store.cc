#include "services/scanner/learning/store.h"

#include <bit>
#include <optional>

#include "absl/strings/escaping.h"
#include "libs/base/status_macros.h"
#include "services/scanner/learning/tokens.h"
#include "services/scanner/migrations.h"

namespace cleanmail::scanner::learning {
namespace {

int64_t Number(Kind kind) { return static_cast<int64_t>(kind); }

// Four bytes each, the lowest first, in base64.
std::string Packed(std::span<const Feature> features) {
  std::string bytes;
  bytes.reserve(features.size() * 4);
  for (const Feature feature : features) {
    for (int shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>((feature >> shift) & 0xFF);
  }
  return absl::Base64Escape(bytes);
}

absl::StatusOr<std::vector<Feature>> Unpacked(const std::string& packed) {
  std::string bytes;
  if (!absl::Base64Unescape(packed, &bytes) || bytes.size() % 4 != 0)
    return absl::DataLossError("a lesson's tokens are not what was written");
  std::vector<Feature> features(bytes.size() / 4);
  for (size_t i = 0; i < bytes.size(); ++i)
    features[i / 4] |= Feature{static_cast<unsigned char>(bytes[i])} << (8 * (i % 4));
  return features;
}

LearningState ToState(const sql::Row& row) {
  return {.tenant = row.Text(0),
          .version = row.Int(1),
          .spam = row.Int(2),
          .ham = row.Int(3),
          .changed_at_us = row.Int(4)};
}

absl::StatusOr<LearningState> ReadState(sql::Session& session, const std::string& tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT tenant, version, spam, ham, changed_at_us FROM learning_states WHERE "
                    "tenant = :tenant",
                    {{"tenant", tenant}}));
  return rows.empty() ? LearningState{.tenant = tenant} : ToState(rows[0]);
}

absl::Status WriteState(sql::Session& session, const LearningState& state) {
  return session
      .Execute(
          "INSERT INTO learning_states (tenant, version, spam, ham, changed_at_us) VALUES "
          "(:tenant, :version, :spam, :ham, :changed_at) ON CONFLICT (tenant) DO UPDATE SET "
          "version = excluded.version, spam = excluded.spam, ham = excluded.ham, "
          "changed_at_us = excluded.changed_at_us",
          {{"tenant", state.tenant},
           {"version", state.version},
           {"spam", state.spam},
           {"ham", state.ham},
           {"changed_at", state.changed_at_us}})
      .status();
}

absl::Status Write(sql::Session& session, const std::string& tenant, Kind kind,
                   const Lesson& lesson, int64_t now_us) {
  return session
      .Execute(
          "INSERT INTO lessons (tenant, digest, kind, learnt_at_us, tokens_version, features) "
          "VALUES (:tenant, :digest, :kind, :now, :tokens_version, :features) ON CONFLICT (tenant, "
          "digest) DO UPDATE SET kind = excluded.kind, learnt_at_us = excluded.learnt_at_us, "
          "tokens_version = excluded.tokens_version, features = excluded.features",
          {{"tenant", tenant},
           {"digest", lesson.digest},
           {"kind", Number(kind)},
           {"now", now_us},
           {"tokens_version", int64_t{kTokensVersion}},
           {"features", Packed(lesson.features)}})
      .status();
}

// How the message is known; kForget: not at all.
absl::StatusOr<Kind> KnownAs(sql::Session& session, const std::string& tenant,
                             const std::string& digest) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT kind FROM lessons WHERE tenant = :tenant AND digest = :digest",
                    {{"tenant", tenant}, {"digest", digest}}));
  return rows.empty() ? Kind::kForget : static_cast<Kind>(rows[0].Int(0));
}

absl::Status TeachOne(sql::Session& session, LearningState& state, Kind kind, const Lesson& lesson,
                      int64_t now_us, Taught& taught) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Kind before, KnownAs(session, state.tenant, lesson.digest));
  if (before == kind) {
    ++taught.known;
    return absl::OkStatus();
  }
  if (before != Kind::kForget) --(before == Kind::kSpam ? state.spam : state.ham);
  if (kind == Kind::kForget) {
    ++taught.forgotten;
    return session
        .Execute("DELETE FROM lessons WHERE tenant = :tenant AND digest = :digest",
                 {{"tenant", state.tenant}, {"digest", lesson.digest}})
        .status();
  }
  ++(kind == Kind::kSpam ? state.spam : state.ham);
  ++(before == Kind::kForget ? taught.learnt : taught.changed);
  return Write(session, state.tenant, kind, lesson, now_us);
}

// The oldest of a kind beyond `most` go.
absl::Status Trim(sql::Session& session, const std::string& tenant, Kind kind, int64_t most,
                  int64_t& count) {
  if (count <= most) return absl::OkStatus();
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t gone,
      session.Execute("DELETE FROM lessons WHERE tenant = :tenant AND digest IN (SELECT digest "
                      "FROM lessons WHERE tenant = :tenant AND kind = :kind ORDER BY learnt_at_us, "
                      "digest LIMIT :surplus)",
                      {{"tenant", tenant}, {"kind", Number(kind)}, {"surplus", count - most}}));
  count -= gone;
  return absl::OkStatus();
}

}  // namespace

std::vector<sql::Migration> Migrations() { return {{1, "learning", kMigration0001Learning}}; }

absl::StatusOr<TokenKey> Store::KeyOr(const TokenKey& fresh) {
  TokenKey key = fresh;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO learning_keys (id, first, second) VALUES (1, :first, :second) ON "
                     "CONFLICT (id) DO NOTHING",
                     {{"first", std::bit_cast<int64_t>(fresh[0])},
                      {"second", std::bit_cast<int64_t>(fresh[1])}})
            .status());
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT first, second FROM learning_keys WHERE id = 1"));
    if (rows.empty()) return absl::DataLossError("the key of learning is gone");
    key = {std::bit_cast<uint64_t>(rows[0].Int(0)), std::bit_cast<uint64_t>(rows[0].Int(1))};
    return absl::OkStatus();
  }));
  return key;
}

absl::StatusOr<Taught> Store::Teach(std::string_view tenant, Kind kind,
                                    std::span<const Lesson> lessons, int64_t now_us, int64_t most) {
  Taught taught;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    taught = {};  // the body may run again
    CLEANMAIL_ASSIGN_OR_RETURN(LearningState state, ReadState(session, std::string(tenant)));
    for (const Lesson& lesson : lessons)
      CLEANMAIL_RETURN_IF_ERROR(TeachOne(session, state, kind, lesson, now_us, taught));
    if (taught.learnt + taught.changed + taught.forgotten == 0) return absl::OkStatus();
    CLEANMAIL_RETURN_IF_ERROR(Trim(session, state.tenant, Kind::kSpam, most, state.spam));
    CLEANMAIL_RETURN_IF_ERROR(Trim(session, state.tenant, Kind::kHam, most, state.ham));
    ++state.version;
    state.changed_at_us = now_us;
    return WriteState(session, state);
  }));
  return taught;
}

absl::StatusOr<std::vector<LearningState>> Store::States() {
  std::vector<LearningState> states;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    states.clear();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT tenant, version, spam, ham, changed_at_us FROM learning_states ORDER "
                      "BY tenant"));
    for (const sql::Row& row : rows) states.push_back(ToState(row));
    return absl::OkStatus();
  }));
  return states;
}

absl::StatusOr<LearningState> Store::StateOf(std::string_view tenant) {
  LearningState state;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(state, ReadState(session, std::string(tenant)));
    return absl::OkStatus();
  }));
  return state;
}

absl::StatusOr<std::vector<RememberedLesson>> Store::Lessons(std::string_view tenant) {
  std::vector<RememberedLesson> lessons;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    lessons.clear();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            "SELECT kind, learnt_at_us, features FROM lessons WHERE tenant = :tenant AND "
            "tokens_version = :tokens_version ORDER BY digest",
            {{"tenant", std::string(tenant)}, {"tokens_version", int64_t{kTokensVersion}}}));
    lessons.reserve(rows.size());
    for (const sql::Row& row : rows) {
      CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Feature> features, Unpacked(row.Text(2)));
      lessons.push_back({.kind = static_cast<Kind>(row.Int(0)),
                         .learnt_at_us = row.Int(1),
                         .features = std::move(features)});
    }
    return absl::OkStatus();
  }));
  return lessons;
}

absl::StatusOr<int64_t> Store::ForgetAll(std::string_view tenant, int64_t now_us) {
  int64_t gone = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(LearningState state, ReadState(session, std::string(tenant)));
    CLEANMAIL_ASSIGN_OR_RETURN(gone, session.Execute("DELETE FROM lessons WHERE tenant = :tenant",
                                                     {{"tenant", state.tenant}}));
    if (state.version == 0) return absl::OkStatus();
    return WriteState(session, {.tenant = state.tenant,
                                .version = state.version + 1,
                                .spam = 0,
                                .ham = 0,
                                .changed_at_us = now_us});
  }));
  return gone;
}

absl::StatusOr<int64_t> Store::ForgetBefore(int64_t before_us, int64_t now_us) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<LearningState> states, States());
  int64_t all = 0;
  for (const LearningState& known : states) {
    int64_t gone = 0;
    CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
      gone = 0;
      CLEANMAIL_ASSIGN_OR_RETURN(LearningState state, ReadState(session, known.tenant));
      for (const Kind kind : {Kind::kSpam, Kind::kHam}) {
        CLEANMAIL_ASSIGN_OR_RETURN(
            const int64_t old,
            session.Execute(
                "DELETE FROM lessons WHERE tenant = :tenant AND kind = :kind AND "
                "learnt_at_us < :before",
                {{"tenant", known.tenant}, {"kind", Number(kind)}, {"before", before_us}}));
        (kind == Kind::kSpam ? state.spam : state.ham) -= old;
        gone += old;
      }
      if (gone == 0) return absl::OkStatus();
      ++state.version;
      state.changed_at_us = now_us;
      return WriteState(session, state);
    }));
    all += gone;
  }
  return all;
}

}  // namespace cleanmail::scanner::learning
