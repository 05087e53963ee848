CREATE TABLE IF NOT EXISTS patient (
    matricule TEXT NOT NULL,
    oid       TEXT NOT NULL,
    dmp       TEXT NOT NULL CHECK (dmp IN ('active', 'none', 'closed')),
    traits    TEXT NOT NULL,
    PRIMARY KEY (matricule, oid)
) STRICT;

CREATE TABLE IF NOT EXISTS lot (
    unique_id TEXT PRIMARY KEY,
    structure TEXT NOT NULL,
    at        TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS entry (
    position        INTEGER PRIMARY KEY,
    entry_uuid      TEXT NOT NULL UNIQUE,
    unique_id       TEXT NOT NULL UNIQUE,
    lot             TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('document', 'signature')),
    matricule       TEXT NOT NULL,
    oid             TEXT NOT NULL,
    structure       TEXT NOT NULL,
    sha1            TEXT NOT NULL,
    size            INTEGER NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('Approved', 'Deprecated', 'Deleted')),
    times_committed INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS entry_of_patient ON entry (matricule, oid);

CREATE TABLE IF NOT EXISTS token (
    identifier TEXT PRIMARY KEY,
    at         TEXT NOT NULL
) STRICT;
