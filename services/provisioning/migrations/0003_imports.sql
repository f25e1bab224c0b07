-- Jobs that read a file; `content` is base64 and empty once the job has ended.
CREATE TABLE imports (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind BIGINT NOT NULL,
  dry_run BIGINT NOT NULL,
  state BIGINT NOT NULL,
  error TEXT NOT NULL,
  reading TEXT NOT NULL,
  content TEXT NOT NULL,
  total BIGINT NOT NULL,
  done BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  unchanged BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  ended_us BIGINT NOT NULL
);
CREATE INDEX imports_by_tenant ON imports (tenant, id);
CREATE TABLE import_lines (
  import TEXT NOT NULL,
  line BIGINT NOT NULL,
  outcome BIGINT NOT NULL,
  address TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (import, line)
);
