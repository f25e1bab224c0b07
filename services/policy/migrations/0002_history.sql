-- What was judged, for explanations and dry runs; message ids are in order of time. `body` is the Judged in base64.
CREATE TABLE judged (
  tenant TEXT NOT NULL,
  message TEXT NOT NULL,
  generation BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, message, generation)
);
-- Dry runs; `policy` is the changed Policy, `body` the DryRun, both in base64. `leased_until_us`: 0 nobody works at it.
CREATE TABLE dry_runs (
  tenant TEXT NOT NULL,
  dry_run TEXT NOT NULL,
  finished BIGINT NOT NULL,
  leased_until_us BIGINT NOT NULL,
  created_at_us BIGINT NOT NULL,
  policy TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant, dry_run)
);
CREATE INDEX dry_runs_by_work ON dry_runs (finished, leased_until_us);
