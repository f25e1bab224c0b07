#include "services/provisioning/store.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/provisioning/migrations.h"

namespace cleanmail::provisioning {
namespace {

// In the order of a snapshot: what others refer to comes first.
constexpr std::array<std::pair<Kind, std::string_view>, 7> kKinds = {{
    {Kind::kPartner, "0-partner"},
    {Kind::kTenant, "1-tenant"},
    {Kind::kDomain, "2-domain"},
    {Kind::kUser, "3-user"},
    {Kind::kGroup, "4-group"},
    {Kind::kRoute, "5-route"},
    {Kind::kObserved, "6-observed"},
}};

std::string KindText(Kind kind) { return std::string(kKinds[static_cast<size_t>(kind)].second); }

Kind KindOf(std::string_view text) {
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  return Kind::kObserved;
}

constexpr std::string_view kColumns = "name, kind, tenant, domain, mark, words, body";

Resource ToResource(const sql::Row& row) {
  return {.name = row.Text(0),
          .kind = KindOf(row.Text(1)),
          .tenant = row.Text(2),
          .domain = row.Text(3),
          .mark = row.Text(4),
          .words = row.Text(5),
          .body = row.Text(6),
          .claims = {}};
}

// A pattern of LIKE, with `\` as its escape, that finds `text` anywhere.
std::string Anywhere(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return pattern + "%";
}

}  // namespace

absl::StatusOr<int64_t> Transaction::Count(std::string_view statement,
                                           const sql::Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session_.Query(statement, parameters));
  return rows.empty() ? 0 : rows[0].Int(0);
}

absl::StatusOr<std::optional<Resource>> Transaction::Find(std::string_view name) {
  static const std::string kStatement =
      base::Cat("SELECT ", kColumns, " FROM resources WHERE name = :name");
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session_.Query(kStatement, {{"name", std::string(name)}}));
  if (rows.empty()) return std::nullopt;
  return ToResource(rows[0]);
}

absl::StatusOr<bool> Transaction::Exists(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t count,
      Count("SELECT COUNT(*) FROM resources WHERE name = :name", {{"name", std::string(name)}}));
  return count > 0;
}

absl::StatusOr<std::string> Transaction::OwnerOf(std::string_view claim) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session_.Query("SELECT name FROM claims WHERE what = :what", {{"what", std::string(claim)}}));
  return rows.empty() ? std::string() : rows[0].Text(0);
}

absl::Status Transaction::Put(const Resource& resource, bool exists, const bus::Record& news) {
  if (exists) {
    CLEANMAIL_RETURN_IF_ERROR(
        session_.Execute("DELETE FROM claims WHERE name = :name", {{"name", resource.name}})
            .status());
  }
  for (const Claim& claim : resource.claims) {
    const absl::StatusOr<int64_t> added = session_.Execute(
        "INSERT INTO claims (what, name, domain) VALUES (:what, :name, :domain) ON CONFLICT DO "
        "NOTHING",
        {{"what", claim.what}, {"name", resource.name}, {"domain", claim.domain}});
    if (!added.ok()) return added.status();
    if (*added == 0) {
      return absl::AlreadyExistsError(
          base::Cat(claim.what.substr(claim.what.find('/') + 1), " is already taken"));
    }
  }
  CLEANMAIL_RETURN_IF_ERROR(
      session_
          .Execute("INSERT INTO resources (name, kind, tenant, domain, mark, words, body) VALUES "
                   "(:name, :kind, :tenant, :domain, :mark, :words, :body) ON CONFLICT (name) DO "
                   "UPDATE SET mark = excluded.mark, words = excluded.words, body = excluded.body",
                   {{"name", resource.name},
                    {"kind", KindText(resource.kind)},
                    {"tenant", resource.tenant},
                    {"domain", resource.domain},
                    {"mark", resource.mark},
                    {"words", resource.words},
                    {"body", resource.body}})
          .status());
  return outbox_.Add(session_, news);
}

absl::Status Transaction::Remove(std::string_view name, const bus::Record& news) {
  const sql::Parameters named = {{"name", std::string(name)}};
  CLEANMAIL_RETURN_IF_ERROR(
      session_.Execute("DELETE FROM claims WHERE name = :name", named).status());
  CLEANMAIL_RETURN_IF_ERROR(
      session_.Execute("DELETE FROM memberships WHERE group_name = :name", named).status());
  CLEANMAIL_RETURN_IF_ERROR(
      session_.Execute("DELETE FROM resources WHERE name = :name", named).status());
  return outbox_.Add(session_, news);
}

absl::StatusOr<int64_t> Transaction::CountOfPartner(std::string_view partner) {
  return Count("SELECT COUNT(*) FROM resources WHERE kind = :kind AND mark = :partner",
               {{"kind", KindText(Kind::kTenant)}, {"partner", std::string(partner)}});
}

absl::StatusOr<int64_t> Transaction::CountOfTenant(std::string_view tenant) {
  return Count("SELECT COUNT(*) FROM resources WHERE tenant = :tenant AND kind <> :kind",
               {{"tenant", std::string(tenant)}, {"kind", KindText(Kind::kTenant)}});
}

absl::StatusOr<int64_t> Transaction::CountOfAddresses(std::string_view domain) {
  return Count("SELECT COUNT(*) FROM claims WHERE domain = :domain",
               {{"domain", std::string(domain)}});
}

absl::StatusOr<int64_t> Transaction::CountOfAliasDomains(std::string_view domain) {
  return Count("SELECT COUNT(*) FROM resources WHERE kind = :kind AND mark = :domain",
               {{"kind", KindText(Kind::kDomain)}, {"domain", std::string(domain)}});
}

absl::StatusOr<int64_t> Transaction::CountOfDomain(std::string_view domain) {
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t addresses, CountOfAddresses(domain));
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t aliases, CountOfAliasDomains(domain));
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t routes,
      Count("SELECT COUNT(*) FROM resources WHERE domain = :domain AND kind = :kind",
            {{"domain", std::string(domain)}, {"kind", KindText(Kind::kRoute)}}));
  return addresses + aliases + routes;
}

absl::Status Transaction::SetMembers(std::string_view group,
                                     const std::vector<std::string>& users) {
  CLEANMAIL_RETURN_IF_ERROR(session_
                                .Execute("DELETE FROM memberships WHERE group_name = :name",
                                         {{"name", std::string(group)}})
                                .status());
  std::vector<sql::Parameters> rows;
  rows.reserve(users.size());
  for (const std::string& user : users)
    rows.push_back({{"group", std::string(group)}, {"user", user}});
  if (rows.empty()) return absl::OkStatus();
  return session_.ExecuteMany(
      "INSERT INTO memberships (group_name, user_name) VALUES (:group, :user)", rows);
}

absl::StatusOr<std::vector<std::string>> Transaction::GroupsOf(std::string_view user) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session_.Query(
          "SELECT group_name FROM memberships WHERE user_name = :user ORDER BY group_name",
          {{"user", std::string(user)}}));
  std::vector<std::string> groups;
  for (const sql::Row& row : rows) groups.push_back(row.Text(0));
  return groups;
}

absl::Status Transaction::DeleteKey(std::string_view tenant) {
  return session_
      .Execute("DELETE FROM tenant_keys WHERE tenant = :tenant", {{"tenant", std::string(tenant)}})
      .status();
}

std::vector<sql::Migration> Migrations() {
  return {{1, "directory", kMigration0001Directory},
          {2, "outbox", outbox::kMigration},
          {3, "imports", kMigration0003Imports},
          {4, "callouts", kMigration0004Callouts}};
}

absl::Status Store::Change(absl::FunctionRef<absl::Status(Transaction&)> change) {
  const absl::Status status = database_.Transact([&](sql::Session& session) -> absl::Status {
    Transaction transaction(session, outbox_);
    return change(transaction);
  });
  if (status.ok()) outbox_.Nudge();
  return status;
}

absl::Status Store::Ask(absl::FunctionRef<absl::Status(Transaction&)> question) {
  return database_.Read([&](sql::Session& session) -> absl::Status {
    Transaction transaction(session, outbox_);
    return question(transaction);
  });
}

absl::StatusOr<Resource> Store::Get(std::string_view name) {
  std::optional<Resource> found;
  CLEANMAIL_RETURN_IF_ERROR(Ask([&](Transaction& transaction) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(found, transaction.Find(name));
    return absl::OkStatus();
  }));
  if (!found.has_value()) return absl::NotFoundError(base::Cat(name, " does not exist"));
  return *std::move(found);
}

absl::StatusOr<std::vector<Resource>> Store::List(Kind kind, const Narrowing& narrowing,
                                                  std::string_view after, int64_t limit) {
  std::string statement =
      base::Cat("SELECT ", kColumns, " FROM resources WHERE kind = :kind AND name > :after");
  sql::Parameters parameters = {
      {"kind", KindText(kind)}, {"after", std::string(after)}, {"limit", limit}};
  std::vector<std::string> names;  // of parameters, whose text the parameters only view
  names.reserve(narrowing.domains.size());
  const auto add = [&](std::string_view condition, std::string_view name, std::string value) {
    statement += condition;
    parameters.push_back({name, std::move(value)});
  };
  if (!narrowing.tenant.empty()) add(" AND tenant = :tenant", "tenant", narrowing.tenant);
  if (!narrowing.mark.empty()) add(" AND mark = :mark", "mark", narrowing.mark);
  if (!narrowing.name.empty()) add(" AND name = :name", "name", narrowing.name);
  if (!narrowing.search.empty())
    add(" AND words LIKE :search ESCAPE '\\'", "search", Anywhere(narrowing.search));
  if (!narrowing.partner.empty()) {
    add(" AND tenant IN (SELECT tenant FROM resources WHERE kind = :tenants AND mark = :partner)",
        "partner", narrowing.partner);
    parameters.push_back({"tenants", KindText(Kind::kTenant)});
  }
  for (size_t i = 0; i < narrowing.domains.size(); ++i) {
    names.push_back(base::Cat("domain", i));
    statement += base::Cat(i == 0 ? " AND domain IN (:" : ", :", names.back());
    parameters.push_back({names.back(), narrowing.domains[i]});
  }
  if (!narrowing.domains.empty()) statement += ")";
  statement += " ORDER BY name LIMIT :limit";

  std::vector<Resource> resources;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                               session.Query(statement, parameters));
    for (const sql::Row& row : rows) resources.push_back(ToResource(row));
    return absl::OkStatus();
  }));
  return resources;
}

absl::StatusOr<std::vector<Resource>> Store::ListAll(Kind kind, std::string_view after,
                                                     int64_t limit) {
  static const std::string kStatement =
      base::Cat("SELECT ", kColumns,
                " FROM resources WHERE kind > :kind OR (kind = :kind AND name > :after) ORDER BY "
                "kind, name LIMIT :limit");
  std::vector<Resource> resources;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(kStatement,
                      {{"kind", KindText(kind)}, {"after", std::string(after)}, {"limit", limit}}));
    for (const sql::Row& row : rows) resources.push_back(ToResource(row));
    return absl::OkStatus();
  }));
  return resources;
}

absl::StatusOr<std::string> Store::WrappedKey(std::string_view tenant, std::string_view candidate) {
  std::string wrapped;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    Transaction transaction(session, outbox_);
    CLEANMAIL_ASSIGN_OR_RETURN(const bool exists,
                               transaction.Exists(base::Cat("tenants/", tenant)));
    if (!exists) return absl::NotFoundError(base::Cat("tenant ", tenant, " does not exist"));
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO tenant_keys (tenant, wrapped) VALUES (:tenant, :wrapped) ON "
                     "CONFLICT DO NOTHING",
                     {{"tenant", std::string(tenant)}, {"wrapped", std::string(candidate)}})
            .status());
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT wrapped FROM tenant_keys WHERE tenant = :tenant",
                      {{"tenant", std::string(tenant)}}));
    if (rows.empty()) return absl::InternalError("a key just written is not there");
    wrapped = rows[0].Text(0);
    return absl::OkStatus();
  }));
  return wrapped;
}

}  // namespace cleanmail::provisioning
