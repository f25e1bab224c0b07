-- One row an accepted message. Addresses in lower case.
CREATE TABLE messages (
  message TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  client_address TEXT NOT NULL,
  direction BIGINT NOT NULL,
  size BIGINT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  generation BIGINT NOT NULL,
  accepted_at_us BIGINT NOT NULL,
  findings TEXT NOT NULL
);
CREATE INDEX messages_by_time ON messages (accepted_at_us, message);
CREATE INDEX messages_by_tenant ON messages (tenant, accepted_at_us, message);
CREATE INDEX messages_by_sender ON messages (sender, accepted_at_us, message);
-- One row a message and recipient. `address` is `recipient` in lower case; `domain` and `account` say whose it is: the
-- recipient's for inbound, the sender's for outbound mail. `accepted_at_us` is 0 while only a delivery is known of it.
CREATE TABLE message_recipients (
  message TEXT NOT NULL,
  recipient TEXT NOT NULL,
  tenant TEXT NOT NULL,
  address TEXT NOT NULL,
  domain TEXT NOT NULL,
  account TEXT NOT NULL,
  direction BIGINT NOT NULL,
  accepted_at_us BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  verdict BIGINT NOT NULL,
  verdict_at_us BIGINT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  policy TEXT NOT NULL,
  policy_version BIGINT NOT NULL,
  policy_scope TEXT NOT NULL,
  quarantine TEXT NOT NULL,
  would_be TEXT NOT NULL,
  reply TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  PRIMARY KEY (message, recipient)
);
CREATE INDEX recipients_by_address ON message_recipients (address, accepted_at_us, message);
CREATE INDEX recipients_by_account ON message_recipients (account, accepted_at_us, message);
-- One row a thing that happened; the key makes an event that comes twice one row.
CREATE TABLE entries (
  message TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  what TEXT NOT NULL,
  recipient TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, at_us, what, recipient)
);
-- One row a refusal in session. Addresses in lower case; the tenant is '-' where it is not known.
CREATE TABLE refusals (
  refusal TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  domain TEXT NOT NULL,
  account TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  session TEXT NOT NULL,
  client_address TEXT NOT NULL,
  helo TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  verb TEXT NOT NULL,
  code TEXT NOT NULL,
  reply TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX refusals_by_time ON refusals (at_us, refusal);
CREATE INDEX refusals_by_tenant ON refusals (tenant, at_us, refusal);
-- One row a change, or a refused attempt at one.
CREATE TABLE audit_entries (
  entry TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  permission TEXT NOT NULL,
  resource TEXT NOT NULL,
  allowed BIGINT NOT NULL,
  state_before TEXT NOT NULL,
  state_after TEXT NOT NULL,
  address TEXT NOT NULL,
  trace TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit_entries (at_us, entry);
CREATE INDEX audit_by_tenant ON audit_entries (tenant, at_us, entry);
-- Recipients by verdict and hour of acceptance: kept in step with message_recipients and refusals.
CREATE TABLE counts (
  hour_us BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  domain TEXT NOT NULL,
  direction BIGINT NOT NULL,
  verdict BIGINT NOT NULL,
  recipients BIGINT NOT NULL,
  PRIMARY KEY (hour_us, tenant, domain, direction, verdict)
);
-- What a tenant has set; days, 0: the installation's.
CREATE TABLE retention_settings (
  tenant TEXT PRIMARY KEY,
  message_days BIGINT NOT NULL,
  refusal_days BIGINT NOT NULL,
  audit_days BIGINT NOT NULL,
  version BIGINT NOT NULL
);
-- One row an erasure; `address` is there only until it is done.
CREATE TABLE erasures (
  erasure TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  address TEXT NOT NULL,
  address_hash TEXT NOT NULL,
  state BIGINT NOT NULL,
  created_at_us BIGINT NOT NULL,
  messages BIGINT NOT NULL,
  refusals BIGINT NOT NULL
);
CREATE INDEX erasures_by_state ON erasures (state);
