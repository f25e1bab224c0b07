-- What a server of a destination said in EHLO. `route` is the tenant's route it was found by, empty for MX: with another route the
-- row says nothing.
CREATE TABLE destinations (
  tenant TEXT NOT NULL,
  destination TEXT NOT NULL,
  route TEXT NOT NULL,
  server TEXT NOT NULL,
  smtp_utf8 BIGINT NOT NULL,
  eight_bit BIGINT NOT NULL,
  max_size BIGINT NOT NULL,
  seen_at_us BIGINT NOT NULL,
  PRIMARY KEY (tenant, destination, route, server)
);
CREATE INDEX destinations_seen ON destinations (seen_at_us);
