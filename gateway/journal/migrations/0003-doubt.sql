-- A delivery that may have arrived: the mark stays over its next attempts, until an answer or two empty probes lift it.

ALTER TABLE deliveries ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;

UPDATE deliveries SET doubtful = 1
WHERE state = 'unknown' OR (state IN ('running', 'held', 'queued') AND phase IN ('feed', 'data', 'probe'));
