-- A delivery to a patient's own mailbox: without this mark, after a reading from the disk, the gate of the identity would not close on it.

ALTER TABLE deliveries ADD COLUMN to_patient INTEGER NOT NULL DEFAULT 0;
