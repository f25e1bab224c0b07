-- Everything the directory holds, one row a resource, its state as JSON of its proto.
CREATE TABLE resources (
  name TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX resources_by_kind ON resources (kind, name);
CREATE INDEX resources_by_tenant ON resources (tenant, kind);
-- What only one resource may have: "domain/example.org", "address/ann@example.org".
CREATE TABLE claims (
  what TEXT PRIMARY KEY,
  name TEXT NOT NULL
);
CREATE INDEX claims_by_name ON claims (name);
-- Keys of the tenants, wrapped under the master key; deleting a row erases the tenant's bodies for good.
CREATE TABLE tenant_keys (
  tenant TEXT PRIMARY KEY,
  wrapped TEXT NOT NULL
);
