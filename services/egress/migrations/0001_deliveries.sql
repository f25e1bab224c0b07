-- One row a message and destination. `claimed_by` is the process that has it in hand, `done_at_us` marks the end: the row then
-- stays a while, so that an event that comes again starts nothing again.
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  message TEXT NOT NULL,
  tenant TEXT NOT NULL,
  stage TEXT NOT NULL,
  destination TEXT NOT NULL,
  recipients TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  created_at_us BIGINT NOT NULL,
  next_attempt_at_us BIGINT NOT NULL,
  last_reply TEXT NOT NULL,
  claimed_by TEXT NOT NULL,
  done_at_us BIGINT NOT NULL,
  body TEXT NOT NULL,
  content TEXT NOT NULL,
  actions TEXT NOT NULL,
  parked BIGINT NOT NULL,
  delay_told BIGINT NOT NULL
);
-- Those whose destination its tenant has switched off.
CREATE INDEX deliveries_parked ON deliveries (tenant, destination, created_at_us) WHERE parked = 1;
CREATE INDEX deliveries_due ON deliveries (done_at_us, claimed_by, next_attempt_at_us);
