-- Policies as they are now; `body` is the Policy in base64. A recommended policy nobody has changed has no row.
CREATE TABLE policies (
  tenant TEXT NOT NULL,
  policy TEXT NOT NULL,
  version BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, policy)
);
-- Every version there ever was; `body` is the PolicyVersion in base64.
CREATE TABLE policy_versions (
  tenant TEXT NOT NULL,
  policy TEXT NOT NULL,
  version BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, policy, version)
);
-- What a tenant's policies have in common; `revision` makes the etag, `body` is the PolicySettings in base64.
CREATE TABLE policy_settings (
  tenant TEXT PRIMARY KEY,
  revision BIGINT NOT NULL,
  body TEXT NOT NULL
);
-- Allow and block lists. `kind` and `scope` and `sender` are also in `body`, the ListEntry in base64 without hits.
CREATE TABLE list_entries (
  tenant TEXT NOT NULL,
  entry TEXT NOT NULL,
  kind BIGINT NOT NULL,
  scope TEXT NOT NULL,
  sender TEXT NOT NULL,
  revision BIGINT NOT NULL,
  ends_at_us BIGINT NOT NULL,
  hits BIGINT NOT NULL,
  last_hit_us BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, entry)
);
CREATE UNIQUE INDEX list_entries_by_sender ON list_entries (tenant, scope, sender, kind);
CREATE INDEX list_entries_by_end ON list_entries (ends_at_us);
