-- The registry of identities, the calls to INSi and the searches the box does by itself. What was kept of a patient stays, as version 1.

ALTER TABLE events RENAME COLUMN document_id TO subject;

ALTER TABLE workstations ADD COLUMN software TEXT;

ALTER TABLE patients ADD COLUMN status TEXT NOT NULL DEFAULT 'PROV';
ALTER TABLE patients ADD COLUMN task TEXT;
ALTER TABLE patients ADD COLUMN task_since INTEGER;
ALTER TABLE patients ADD COLUMN ins_ref TEXT;
ALTER TABLE patients ADD COLUMN recovered_at INTEGER;
ALTER TABLE patients ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE patients ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

UPDATE patients SET created_at = updated_at;

CREATE INDEX patients_structure ON patients (structure);
CREATE INDEX patients_tasks ON patients (structure, task, task_since) WHERE task IS NOT NULL;
CREATE INDEX patients_qualified ON patients (structure, recovered_at) WHERE status = 'QUAL';
CREATE INDEX patients_ins ON patients (structure, ins_ref) WHERE ins_ref IS NOT NULL;

CREATE TABLE identity_changes (
    number      INTEGER PRIMARY KEY,
    structure   TEXT NOT NULL,
    local_ref   TEXT NOT NULL,
    at          INTEGER NOT NULL,
    act         TEXT NOT NULL,
    actor       TEXT NOT NULL,
    evidence    TEXT,
    status      TEXT NOT NULL,
    workstation TEXT,
    sealed      BLOB NOT NULL
) STRICT;

CREATE INDEX identity_changes_patient ON identity_changes (structure, local_ref);

CREATE TRIGGER identity_changes_stay BEFORE UPDATE ON identity_changes BEGIN SELECT raise(ABORT, 'append only'); END;
CREATE TRIGGER identity_changes_remain BEFORE DELETE ON identity_changes BEGIN SELECT raise(ABORT, 'append only'); END;

CREATE TABLE insi_calls (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    structure   TEXT NOT NULL,
    local_ref   TEXT,
    inquiry_id  TEXT,
    workstation TEXT,
    actor       TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    operation   TEXT NOT NULL,
    at          INTEGER NOT NULL,
    answered_at INTEGER,
    outcome     TEXT,
    wrapped_key BLOB NOT NULL,
    sealed      BLOB,
    version     INTEGER NOT NULL
) STRICT;

CREATE INDEX insi_calls_patient ON insi_calls (structure, local_ref) WHERE local_ref IS NOT NULL;
CREATE INDEX insi_calls_unanswered ON insi_calls (at) WHERE answered_at IS NULL;

CREATE TABLE batches (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    structure   TEXT NOT NULL,
    workstation TEXT NOT NULL,
    actor       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    total       INTEGER NOT NULL,
    not_before  INTEGER,
    cursor      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    closed_at   INTEGER,
    version     INTEGER NOT NULL
) STRICT;

CREATE INDEX batches_structure ON batches (structure);
CREATE INDEX batches_running ON batches (state) WHERE state = 'running';

CREATE TABLE inquiries (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    structure       TEXT NOT NULL,
    workstation     TEXT NOT NULL,
    software        TEXT,
    actor           TEXT NOT NULL,
    kind            TEXT NOT NULL,
    night           INTEGER NOT NULL,
    batch_id        TEXT REFERENCES batches (id),
    local_ref       TEXT,
    wrapped_key     BLOB NOT NULL,
    sealed          BLOB NOT NULL,
    state           TEXT NOT NULL,
    outcome         TEXT,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    explanation     TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL
) STRICT;

CREATE INDEX inquiries_waiting ON inquiries (kind, night, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX inquiries_running ON inquiries (state) WHERE state = 'running';
CREATE INDEX inquiries_batch ON inquiries (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX inquiries_outcomes ON inquiries (batch_id, state, outcome) WHERE batch_id IS NOT NULL;
