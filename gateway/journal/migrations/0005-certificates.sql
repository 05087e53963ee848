-- The life of certificates: what was told of their ends, and where each role stands between its certificate and the next.

CREATE TABLE alarms (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    line      TEXT NOT NULL,
    stage     TEXT NOT NULL,
    covers    TEXT NOT NULL,
    structure TEXT NOT NULL,
    what      TEXT NOT NULL,
    whose     TEXT NOT NULL,
    ends_at   INTEGER NOT NULL,
    stops     TEXT NOT NULL,
    gesture   TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

CREATE TABLE successions (
    number        INTEGER PRIMARY KEY,
    structure     TEXT NOT NULL,
    role          TEXT NOT NULL,
    state         TEXT NOT NULL,
    following     TEXT NOT NULL,
    former        TEXT,
    rehearsal     TEXT NOT NULL,
    rehearsed_at  INTEGER,
    switched_at   INTEGER,
    watched_until INTEGER,
    actor         TEXT NOT NULL,
    explanation   TEXT,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    UNIQUE (structure, role)
) STRICT;
