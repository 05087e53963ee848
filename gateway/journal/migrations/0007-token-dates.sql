-- When the token of a workstation was made, once it is another than the one it was paired with.

ALTER TABLE workstations ADD COLUMN token_at INTEGER;
