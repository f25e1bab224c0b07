-- Tokens of programs; the secret itself is never here. `parent` is '', partners/x or tenants/x; lists are joined by commas.
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  parent TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  description TEXT NOT NULL,
  role BIGINT NOT NULL,
  domains TEXT NOT NULL,
  account TEXT NOT NULL,
  scopes TEXT NOT NULL,
  expires_at_us BIGINT NOT NULL,
  created_at_us BIGINT NOT NULL,
  creator TEXT NOT NULL,
  used_at_us BIGINT NOT NULL
);
CREATE INDEX api_tokens_by_parent ON api_tokens (parent, id);
-- Answers to requests that carried an Idempotency-Key. Status 0: being answered.
CREATE TABLE answers (
  id TEXT PRIMARY KEY,
  request_hash TEXT NOT NULL,
  status BIGINT NOT NULL,
  content_type TEXT NOT NULL,
  body TEXT NOT NULL,
  began_at_us BIGINT NOT NULL
);
CREATE INDEX answers_by_time ON answers (began_at_us);
