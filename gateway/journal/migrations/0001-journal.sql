-- The tables of the journal. Instants are milliseconds since 1970 UTC; `sealed*` and `inline` hold encrypted bytes.
-- A partial index is only used by a query that repeats its WHERE word for word.

CREATE TABLE documents (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    structure       TEXT NOT NULL,
    workstation     TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    content_digest  TEXT NOT NULL,
    unique_id       TEXT NOT NULL,
    patient_ref     TEXT NOT NULL,
    state           TEXT NOT NULL,
    accepted_at     INTEGER NOT NULL,
    prepared        INTEGER NOT NULL,
    closed_at       INTEGER,
    original_digest TEXT NOT NULL,
    wrapped_key     BLOB NOT NULL,
    sealed          BLOB NOT NULL,
    version         INTEGER NOT NULL,
    UNIQUE (workstation, idempotency_key),
    UNIQUE (structure, unique_id)
) STRICT;

CREATE INDEX documents_workstation ON documents (workstation, state);
CREATE INDEX documents_structure ON documents (structure, state);
CREATE INDEX documents_patient ON documents (patient_ref);
CREATE INDEX documents_accepted ON documents (accepted_at);

-- `sequence` and `prepared` are the document's own, repeated here so that what is due is found by one index.
CREATE TABLE deliveries (
    number           INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    document_id      TEXT NOT NULL REFERENCES documents (id),
    structure        TEXT NOT NULL,
    channel          TEXT NOT NULL,
    lane             TEXT NOT NULL,
    order_key        TEXT NOT NULL,
    sequence         INTEGER NOT NULL,
    prepared         INTEGER NOT NULL,
    recipient_ref    TEXT,
    sealed_recipient BLOB,
    state            TEXT NOT NULL,
    phase            TEXT NOT NULL,
    boot             TEXT,
    attempts         INTEGER NOT NULL,
    probes           INTEGER NOT NULL,
    first_attempt_at INTEGER,
    next_attempt_at  INTEGER,
    error_class      TEXT,
    explanation      TEXT,
    sealed_frozen    BLOB,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_document ON deliveries (document_id);
CREATE INDEX deliveries_waiting ON deliveries (lane, next_attempt_at, sequence)
    WHERE state IN ('queued', 'unknown') AND prepared = 1;
CREATE INDEX deliveries_order ON deliveries (lane, order_key, sequence)
    WHERE state IN ('queued', 'running', 'unknown');
CREATE INDEX deliveries_open ON deliveries (lane, state, sequence)
    WHERE state IN ('held', 'queued', 'running', 'unknown');
CREATE INDEX deliveries_unprepared ON deliveries (sequence)
    WHERE state = 'queued' AND prepared = 0;
CREATE INDEX deliveries_running ON deliveries (boot)
    WHERE state = 'running';

CREATE TABLE blobs (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id),
    role        TEXT NOT NULL,
    size        INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    inline      BLOB
) STRICT;

CREATE INDEX blobs_document ON blobs (document_id);

CREATE TABLE receipts (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    kind        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    proof_blob  TEXT
) STRICT;

CREATE INDEX receipts_delivery ON receipts (delivery_id);

CREATE TABLE audit (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    act         TEXT NOT NULL,
    actor       TEXT NOT NULL,
    structure   TEXT,
    patient_ref TEXT,
    document_id TEXT,
    delivery_id TEXT,
    answer      TEXT,
    detail      TEXT NOT NULL,
    hash        TEXT NOT NULL
) STRICT;

CREATE INDEX audit_document ON audit (document_id) WHERE document_id IS NOT NULL;

CREATE TABLE events (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,
    document_id TEXT NOT NULL,
    structure   TEXT NOT NULL,
    workstation TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

CREATE TABLE workstations (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    token_digest TEXT NOT NULL UNIQUE,
    structures   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    revoked      INTEGER NOT NULL
) STRICT;

CREATE TABLE patients (
    number      INTEGER PRIMARY KEY,
    structure   TEXT NOT NULL,
    local_ref   TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    sealed      BLOB NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (structure, local_ref)
) STRICT;

CREATE TABLE existence (
    number      INTEGER PRIMARY KEY,
    structure   TEXT NOT NULL,
    patient_ref TEXT NOT NULL,
    answer      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    UNIQUE (structure, patient_ref)
) STRICT;

-- A row that could not be read, with its raw columns as JSON (bytes in hexadecimal).
CREATE TABLE quarantine (
    source   TEXT NOT NULL,
    number   INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    raw      TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (source, number)
) STRICT;
