-- Everything the directory holds, one row a resource, its state as JSON of its proto.
CREATE TABLE resources (
  name TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  -- Domain it lies in, '' when it belongs to the tenant as a whole.
  domain TEXT NOT NULL,
  -- What lists of its kind are narrowed by: a tenant's partner, a domain's target, an observed address's review.
  mark TEXT NOT NULL,
  -- What people search in, lower case.
  words TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX resources_by_kind ON resources (kind, name);
CREATE INDEX resources_by_tenant ON resources (tenant, kind, name);
CREATE INDEX resources_by_domain ON resources (domain, kind);
CREATE INDEX resources_by_mark ON resources (kind, mark);
-- What only one resource may have: "domain/example.org", "address/ann@example.org"; an address with its domain.
CREATE TABLE claims (
  what TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  domain TEXT NOT NULL
);
CREATE INDEX claims_by_name ON claims (name);
CREATE INDEX claims_by_domain ON claims (domain);
-- Who is in which group, by resource names.
CREATE TABLE memberships (
  group_name TEXT NOT NULL,
  user_name TEXT NOT NULL,
  PRIMARY KEY (group_name, user_name)
);
CREATE INDEX memberships_by_user ON memberships (user_name);
-- Keys of the tenants, wrapped under the master key; deleting a row erases the tenant's bodies for good.
CREATE TABLE tenant_keys (
  tenant TEXT PRIMARY KEY,
  wrapped TEXT NOT NULL
);
