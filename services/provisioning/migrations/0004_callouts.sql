-- What destinations have said of recipients.
CREATE TABLE callout_entries (
  address TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  domain TEXT NOT NULL,
  outcome BIGINT NOT NULL,
  reply TEXT NOT NULL,
  server TEXT NOT NULL,
  asked_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL
);
CREATE INDEX callout_entries_by_tenant ON callout_entries (tenant, address);
CREATE INDEX callout_entries_by_domain ON callout_entries (domain, outcome);
CREATE INDEX callout_entries_by_expiry ON callout_entries (expires_us);
-- What is known of a domain's destination; 0: not so.
CREATE TABLE callout_statuses (
  domain TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  accepts_all_until_us BIGINT NOT NULL,
  alert_since_us BIGINT NOT NULL,
  alert TEXT NOT NULL
);
CREATE INDEX callout_statuses_by_tenant ON callout_statuses (tenant, domain);
