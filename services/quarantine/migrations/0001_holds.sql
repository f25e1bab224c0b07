-- One row a held message; its recipients beside it.
CREATE TABLE holds (
  message TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind BIGINT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  generation BIGINT NOT NULL,
  held_at_us BIGINT NOT NULL,
  expires_at_us BIGINT NOT NULL,
  rescan_at_us BIGINT NOT NULL,
  body TEXT NOT NULL,
  findings TEXT NOT NULL
);
CREATE INDEX holds_by_tenant ON holds (tenant, message);
CREATE INDEX holds_by_expiry ON holds (expires_at_us);
CREATE INDEX holds_by_rescan ON holds (rescan_at_us);
CREATE TABLE held_recipients (
  message TEXT NOT NULL,
  address TEXT NOT NULL,
  state BIGINT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, address)
);
