-- One row an accepted message.
CREATE TABLE messages (
  message TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL,
  subject TEXT NOT NULL,
  accepted_at_us BIGINT NOT NULL
);
CREATE INDEX messages_by_time ON messages (accepted_at_us);
-- One row a thing that happened to it; the key makes an event that comes twice one row.
CREATE TABLE entries (
  message TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  what TEXT NOT NULL,
  recipient TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, at_us, what, recipient)
);
