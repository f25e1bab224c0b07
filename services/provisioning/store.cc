#include "services/provisioning/store.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/provisioning/migrations.h"

namespace cleanmail::provisioning {
namespace {

std::string KindText(Kind kind) {
  switch (kind) {
    case Kind::kTenant:
      return "1-tenant";
    case Kind::kDomain:
      return "2-domain";
    case Kind::kUser:
      return "3-user";
    case Kind::kRoute:
      return "4-route";
  }
  return "";
}

Kind KindOf(std::string_view text) {
  for (const Kind kind : {Kind::kTenant, Kind::kDomain, Kind::kUser}) {
    if (KindText(kind) == text) return kind;
  }
  return Kind::kRoute;
}

Resource ToResource(const sql::Row& row) {
  return {.name = row.Text(0),
          .kind = KindOf(row.Text(1)),
          .tenant = row.Text(2),
          .body = row.Text(3),
          .claims = {}};
}

absl::StatusOr<int64_t> Count(sql::Session& session, std::string_view statement,
                              const sql::Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session.Query(statement, parameters));
  return rows.empty() ? 0 : rows[0].Int(0);
}

absl::StatusOr<bool> Exists(sql::Session& session, std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t count,
                             Count(session, "SELECT COUNT(*) FROM resources WHERE name = :name",
                                   {{"name", std::string(name)}}));
  return count > 0;
}

absl::Status Claim(sql::Session& session, const Resource& resource) {
  for (const std::string& what : resource.claims) {
    const absl::StatusOr<int64_t> added = session.Execute(
        "INSERT INTO claims (what, name) VALUES (:what, :name) ON CONFLICT DO NOTHING",
        {{"what", what}, {"name", resource.name}});
    if (!added.ok()) return added.status();
    if (*added == 0)
      return absl::AlreadyExistsError(
          base::Cat(what.substr(what.find('/') + 1), " is already taken"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<sql::Migration> Migrations() {
  return {{1, "directory", kMigration0001Directory}, {2, "outbox", outbox::kMigration}};
}

absl::Status Store::Insert(const Resource& resource, std::string_view parent,
                           const bus::Record& news) {
  const absl::Status status = database_.Transact([&](sql::Session& session) -> absl::Status {
    if (!parent.empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, Exists(session, parent));
      if (!exists)
        return absl::NotFoundError(base::Cat(parent, " does not exist; create it first"));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const bool taken, Exists(session, resource.name));
    if (taken) return absl::AlreadyExistsError(base::Cat(resource.name, " already exists"));
    CLEANMAIL_RETURN_IF_ERROR(Claim(session, resource));
    CLEANMAIL_RETURN_IF_ERROR(session
                                  .Execute("INSERT INTO resources (name, kind, tenant, body) "
                                           "VALUES (:name, :kind, :tenant, :body)",
                                           {{"name", resource.name},
                                            {"kind", KindText(resource.kind)},
                                            {"tenant", resource.tenant},
                                            {"body", resource.body}})
                                  .status());
    return outbox_.Add(session, news);
  });
  if (status.ok()) outbox_.Nudge();
  return status;
}

absl::Status Store::Delete(std::string_view name,
                           absl::FunctionRef<absl::Status(sql::Session&)> may_delete,
                           const bus::Record& news) {
  const absl::Status status = database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, Exists(session, name));
    if (!exists) return absl::NotFoundError(base::Cat(name, " does not exist"));
    CLEANMAIL_RETURN_IF_ERROR(may_delete(session));
    const sql::Parameters named = {{"name", std::string(name)}};
    CLEANMAIL_RETURN_IF_ERROR(
        session.Execute("DELETE FROM claims WHERE name = :name", named).status());
    CLEANMAIL_RETURN_IF_ERROR(
        session.Execute("DELETE FROM resources WHERE name = :name", named).status());
    return outbox_.Add(session, news);
  });
  if (status.ok()) outbox_.Nudge();
  return status;
}

absl::StatusOr<Resource> Store::Get(std::string_view name) {
  absl::StatusOr<Resource> found = absl::NotFoundError(base::Cat(name, " does not exist"));
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT name, kind, tenant, body FROM resources WHERE name = :name",
                      {{"name", std::string(name)}}));
    if (!rows.empty()) found = ToResource(rows[0]);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<Resource>> Store::List(Kind kind, std::string_view tenant,
                                                  std::string_view after, int64_t limit) {
  std::vector<Resource> resources;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            "SELECT name, kind, tenant, body FROM resources WHERE kind = :kind AND name > :after "
            "AND (:tenant = '' OR tenant = :tenant) ORDER BY name LIMIT :limit",
            {{"kind", KindText(kind)},
             {"after", std::string(after)},
             {"tenant", std::string(tenant)},
             {"limit", limit}}));
    for (const sql::Row& row : rows) resources.push_back(ToResource(row));
    return absl::OkStatus();
  }));
  return resources;
}

absl::StatusOr<std::vector<Resource>> Store::ListAll(Kind kind, std::string_view after,
                                                     int64_t limit) {
  std::vector<Resource> resources;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT name, kind, tenant, body FROM resources "
                      "WHERE kind > :kind OR (kind = :kind AND name > :after) ORDER BY kind, name "
                      "LIMIT :limit",
                      {{"kind", KindText(kind)}, {"after", std::string(after)}, {"limit", limit}}));
    for (const sql::Row& row : rows) resources.push_back(ToResource(row));
    return absl::OkStatus();
  }));
  return resources;
}

absl::StatusOr<int64_t> Store::CountOfTenant(sql::Session& session, std::string_view tenant) {
  return Count(session, "SELECT COUNT(*) FROM resources WHERE tenant = :tenant AND kind <> :kind",
               {{"tenant", std::string(tenant)}, {"kind", KindText(Kind::kTenant)}});
}

absl::StatusOr<int64_t> Store::CountOfDomain(sql::Session& session, std::string_view tenant,
                                             std::string_view domain) {
  // Claims of addresses end in "@domain"; the route of a domain carries its name.
  return Count(session,
               "SELECT (SELECT COUNT(*) FROM claims WHERE what LIKE 'address/%@' || :domain) + "
               "(SELECT COUNT(*) FROM resources WHERE name = :route)",
               {{"domain", std::string(domain)},
                {"route", base::Cat("tenants/", tenant, "/routes/", domain)}});
}

absl::Status Store::DeleteKey(sql::Session& session, std::string_view tenant) {
  return session
      .Execute("DELETE FROM tenant_keys WHERE tenant = :tenant", {{"tenant", std::string(tenant)}})
      .status();
}

absl::StatusOr<std::string> Store::WrappedKey(std::string_view tenant, std::string_view candidate) {
  std::string wrapped;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool exists, Exists(session, base::Cat("tenants/", tenant)));
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
