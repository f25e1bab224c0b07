-- One row a held message; its recipients beside it. `sender` in lower case.
CREATE TABLE holds (
  message TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind BIGINT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  size BIGINT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  generation BIGINT NOT NULL,
  held_at_us BIGINT NOT NULL,
  expires_at_us BIGINT NOT NULL,
  rescan_at_us BIGINT NOT NULL,
  body TEXT NOT NULL,
  findings TEXT NOT NULL,
  note TEXT NOT NULL,
  assigned_to TEXT NOT NULL,
  seen_by TEXT NOT NULL,
  seen_at_us BIGINT NOT NULL,
  version BIGINT NOT NULL
);
CREATE INDEX holds_by_tenant ON holds (tenant, message);
CREATE INDEX holds_by_sender ON holds (sender, message);
CREATE INDEX holds_by_expiry ON holds (expires_at_us);
CREATE INDEX holds_by_rescan ON holds (rescan_at_us);
-- `lower_address` is `address` in lower case; `domain` and `account` say whose it is; `rescan_by`: who wants it released when a
-- scan has found no malware.
CREATE TABLE held_recipients (
  message TEXT NOT NULL,
  address TEXT NOT NULL,
  lower_address TEXT NOT NULL,
  domain TEXT NOT NULL,
  account TEXT NOT NULL,
  state BIGINT NOT NULL,
  detail TEXT NOT NULL,
  kind BIGINT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  policy TEXT NOT NULL,
  policy_version BIGINT NOT NULL,
  policy_scope TEXT NOT NULL,
  quarantine TEXT NOT NULL,
  actions TEXT NOT NULL,
  rescan_by TEXT NOT NULL,
  PRIMARY KEY (message, address)
);
CREATE INDEX held_by_account ON held_recipients (account, message);
-- What was done to a hold.
CREATE TABLE hold_history (
  message TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  what TEXT NOT NULL,
  recipient TEXT NOT NULL,
  PRIMARY KEY (message, at_us, actor, what, recipient)
);
-- Bulk work; `caller` is on whose behalf, packed; `last_message` and `last_address` how far it is.
CREATE TABLE hold_batches (
  batch TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  work BIGINT NOT NULL,
  filter TEXT NOT NULL,
  caller TEXT NOT NULL,
  accept_risk BIGINT NOT NULL,
  state BIGINT NOT NULL,
  done BIGINT NOT NULL,
  total BIGINT NOT NULL,
  skipped BIGINT NOT NULL,
  error TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  last_message TEXT NOT NULL,
  last_address TEXT NOT NULL
);
CREATE INDEX hold_batches_by_state ON hold_batches (state);
CREATE INDEX hold_batches_by_tenant ON hold_batches (tenant, batch);
-- What a tenant has set, packed.
CREATE TABLE quarantine_settings (
  tenant TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  version BIGINT NOT NULL
);
