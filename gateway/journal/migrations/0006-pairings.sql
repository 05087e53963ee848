-- Which workstation a device on the box (a barcode scanner) speaks to.

CREATE TABLE pairings (
    number      INTEGER PRIMARY KEY,
    device      TEXT NOT NULL UNIQUE,
    workstation TEXT,
    at          INTEGER NOT NULL
) STRICT;
