-- What tokens are hashed with; one row.
CREATE TABLE learning_keys (
  id BIGINT PRIMARY KEY,
  first BIGINT NOT NULL,
  second BIGINT NOT NULL
);
-- One row a tenant that was taught anything; tenant "-" is what all share. `version` counts changes up.
CREATE TABLE learning_states (
  tenant TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  spam BIGINT NOT NULL,
  ham BIGINT NOT NULL,
  changed_at_us BIGINT NOT NULL
);
-- One row a message that was taught. kind: 1 spam, 2 ham. features: its tokens' hashes, base64.
CREATE TABLE lessons (
  tenant TEXT NOT NULL,
  digest TEXT NOT NULL,
  kind BIGINT NOT NULL,
  learnt_at_us BIGINT NOT NULL,
  tokens_version BIGINT NOT NULL,
  features TEXT NOT NULL,
  PRIMARY KEY (tenant, digest)
);
CREATE INDEX lessons_by_age ON lessons (tenant, kind, learnt_at_us);
