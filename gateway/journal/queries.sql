-- Every statement of the journal, by name. Read by journal.statements; parameters are named after the fields of the records.

-- name: document-insert
INSERT INTO documents (id, structure, workstation, idempotency_key, content_digest, unique_id, patient_ref, state, accepted_at, prepared,
                       closed_at, original_digest, wrapped_key, sealed, version)
VALUES (:id, :structure, :workstation, :idempotency_key, :content_digest, :unique_id, :patient_ref, :state, :accepted_at, :prepared,
        :closed_at, :original_digest, :wrapped_key, :sealed, :version);

-- name: document-update
-- Nobody may believe done a document one of whose deliveries was put aside.
UPDATE documents
SET state = iif(EXISTS (SELECT 1 FROM deliveries WHERE document_id = :id AND state = 'quarantined'), 'attention', :state),
    prepared = :prepared, closed_at = :closed_at, version = :version
WHERE id = :id AND version = :version - 1
  AND unique_id = :unique_id AND patient_ref = :patient_ref AND wrapped_key = :wrapped_key AND sealed = :sealed;

-- name: document-update-wide
UPDATE documents
SET state = iif(EXISTS (SELECT 1 FROM deliveries WHERE document_id = :id AND state = 'quarantined'), 'attention', :state),
    prepared = :prepared, closed_at = :closed_at, version = :version,
    unique_id = :unique_id, patient_ref = :patient_ref, wrapped_key = :wrapped_key, sealed = :sealed
WHERE id = :id AND version = :version - 1;

-- name: document-prepares
UPDATE deliveries SET prepared = :prepared WHERE document_id = :id AND prepared <> :prepared;

-- name: delivery-insert
INSERT INTO deliveries (id, document_id, structure, channel, lane, order_key, sequence, prepared, to_patient, doubtful, recipient_ref,
                        sealed_recipient, state, phase, boot, attempts, probes, first_attempt_at, next_attempt_at, error_class, explanation, sealed_frozen,
                        updated_at, version)
VALUES (:id, :document_id, :structure, :channel, :lane, :order_key,
        (SELECT sequence FROM documents WHERE id = :document_id), (SELECT prepared FROM documents WHERE id = :document_id),
        :to_patient, :doubtful, :recipient_ref, :sealed_recipient, :state, :phase, :boot, :attempts, :probes, :first_attempt_at,
        :next_attempt_at,
        :error_class, :explanation, :sealed_frozen, :updated_at, :version);

-- name: delivery-progress
-- A step of one attempt: no indexed column changes, so no index page is written.
UPDATE deliveries
SET phase = :phase, attempts = :attempts, probes = :probes, first_attempt_at = :first_attempt_at, error_class = :error_class,
    explanation = :explanation, sealed_frozen = :sealed_frozen, doubtful = :doubtful, updated_at = :updated_at, version = :version
WHERE id = :id AND version = :version - 1
  AND state = :state AND boot IS :boot AND next_attempt_at IS :next_attempt_at
  AND lane = :lane AND order_key = :order_key AND recipient_ref IS :recipient_ref AND sealed_recipient IS :sealed_recipient;

-- name: delivery-update
UPDATE deliveries
SET lane = :lane, order_key = :order_key, recipient_ref = :recipient_ref, sealed_recipient = :sealed_recipient, state = :state,
    phase = :phase, boot = :boot, attempts = :attempts, probes = :probes, first_attempt_at = :first_attempt_at,
    next_attempt_at = :next_attempt_at, error_class = :error_class, explanation = :explanation, sealed_frozen = :sealed_frozen,
    doubtful = :doubtful, updated_at = :updated_at, version = :version
WHERE id = :id AND version = :version - 1;

-- name: blob-insert
INSERT INTO blobs (id, document_id, role, size, sha256, created_at, inline)
VALUES (:id, :document_id, :role, :size, :sha256, :created_at, :inline);

-- name: blob-delete
DELETE FROM blobs WHERE id = :id;

-- name: receipt-insert
INSERT INTO receipts (id, delivery_id, kind, at, proof_blob) VALUES (:id, :delivery_id, :kind, :at, :proof_blob);

-- name: audit-tail
-- Numbers go on from the highest ever given: lines removed at the end leave a gap that no later line fills.
SELECT seq AS sequence, (SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1) AS hash FROM sqlite_sequence WHERE name = 'audit';

-- name: audit-insert
INSERT INTO audit (sequence, at, act, actor, structure, patient_ref, document_id, delivery_id, answer, detail, hash)
VALUES (:sequence, :at, :act, :actor, :structure, :patient_ref, :document_id, :delivery_id, :answer, :detail, :hash);

-- name: event-insert
INSERT INTO events (kind, subject, structure, workstation, at) VALUES (:kind, :subject, :structure, :workstation, :at);

-- name: workstation-put
INSERT INTO workstations (id, name, token_digest, structures, created_at, revoked, software, token_at)
VALUES (:id, :name, :token_digest, :structures, :created_at, :revoked, :software, :token_at)
ON CONFLICT (id) DO UPDATE
SET name = :name, token_digest = :token_digest, structures = :structures, created_at = :created_at, revoked = :revoked,
    software = :software, token_at = :token_at;

-- name: patient-insert
INSERT INTO patients (structure, local_ref, wrapped_key, sealed, status, task, task_since, ins_ref, recovered_at, created_at, updated_at,
                      version)
VALUES (:structure, :local_ref, :wrapped_key, :sealed, :status, :task, :task_since, :ins_ref, :recovered_at, :created_at, :updated_at,
        :version)
ON CONFLICT (structure, local_ref) DO NOTHING;

-- name: patient-update
UPDATE patients
SET wrapped_key = :wrapped_key, sealed = :sealed, status = :status, task = :task, task_since = :task_since, ins_ref = :ins_ref,
    recovered_at = :recovered_at, updated_at = :updated_at, version = :version
WHERE structure = :structure AND local_ref = :local_ref AND version = :version - 1;

-- name: identity-change-insert
INSERT INTO identity_changes (structure, local_ref, at, act, actor, evidence, status, workstation, sealed)
VALUES (:structure, :local_ref, :at, :act, :actor, :evidence, :status, :workstation, :sealed);

-- name: call-insert
INSERT INTO insi_calls (id, structure, local_ref, inquiry_id, workstation, actor, purpose, operation, at, answered_at, outcome, wrapped_key,
                        sealed, version)
VALUES (:id, :structure, :local_ref, :inquiry_id, :workstation, :actor, :purpose, :operation, :at, :answered_at, :outcome, :wrapped_key,
        :sealed, :version);

-- name: call-update
UPDATE insi_calls SET answered_at = :answered_at, outcome = :outcome, wrapped_key = :wrapped_key, sealed = :sealed, version = :version
WHERE id = :id AND version = :version - 1;

-- name: call-forget
DELETE FROM insi_calls WHERE id IN (SELECT value FROM json_each(:ids));

-- name: inquiry-forget
DELETE FROM inquiries WHERE id IN (SELECT value FROM json_each(:ids));

-- name: batch-forget
DELETE FROM batches WHERE id IN (SELECT value FROM json_each(:ids));

-- name: inquiry-insert
INSERT INTO inquiries (id, structure, workstation, software, actor, kind, night, batch_id, local_ref, wrapped_key, sealed, state, outcome,
                       attempts, next_attempt_at, explanation, created_at, updated_at, version)
VALUES (:id, :structure, :workstation, :software, :actor, :kind, :night, :batch_id, :local_ref, :wrapped_key, :sealed, :state, :outcome,
        :attempts, :next_attempt_at, :explanation, :created_at, :updated_at, :version);

-- name: inquiry-update
UPDATE inquiries
SET software = :software, night = :night, local_ref = :local_ref, wrapped_key = :wrapped_key, sealed = :sealed, state = :state,
    outcome = :outcome, attempts = :attempts, next_attempt_at = :next_attempt_at, explanation = :explanation, updated_at = :updated_at,
    version = :version
WHERE id = :id AND version = :version - 1;

-- name: batch-insert
INSERT INTO batches (id, structure, workstation, actor, kind, state, total, not_before, cursor, created_at, closed_at, version)
VALUES (:id, :structure, :workstation, :actor, :kind, :state, :total, :not_before, :cursor, :created_at, :closed_at, :version);

-- name: batch-update
UPDATE batches
SET state = :state, total = :total, not_before = :not_before, cursor = :cursor, closed_at = :closed_at, version = :version
WHERE id = :id AND version = :version - 1;

-- name: alarm-insert
INSERT INTO alarms (id, line, stage, covers, structure, what, whose, ends_at, stops, gesture, at)
VALUES (:id, :line, :stage, :covers, :structure, :what, :whose, :ends_at, :stops, :gesture, :at);

-- name: succession-insert
INSERT INTO successions (structure, role, state, following, former, rehearsal, rehearsed_at, switched_at, watched_until, actor, explanation,
                         updated_at, version)
VALUES (:structure, :role, :state, :following, :former, :rehearsal, :rehearsed_at, :switched_at, :watched_until, :actor, :explanation,
        :updated_at, :version)
ON CONFLICT (structure, role) DO NOTHING;

-- name: succession-update
UPDATE successions
SET state = :state, following = :following, former = :former, rehearsal = :rehearsal, rehearsed_at = :rehearsed_at,
    switched_at = :switched_at, watched_until = :watched_until, actor = :actor, explanation = :explanation, updated_at = :updated_at,
    version = :version
WHERE structure = :structure AND role = :role AND version = :version - 1;

-- name: pairing-put
INSERT INTO pairings (device, workstation, at) VALUES (:device, :workstation, :at)
ON CONFLICT (device) DO UPDATE SET workstation = :workstation, at = :at;

-- name: existence-put
INSERT INTO existence (structure, patient_ref, answer, at) VALUES (:structure, :patient_ref, :answer, :at)
ON CONFLICT (structure, patient_ref) DO UPDATE SET answer = :answer, at = :at;

-- name: lane-wake
UPDATE deliveries SET next_attempt_at = :now
WHERE lane = :lane AND state = 'queued' AND state IN ('held', 'queued', 'running', 'unknown')
  AND error_class IN ('transient', 'configuration') AND next_attempt_at > :now;

-- name: lane-forward
UPDATE deliveries SET next_attempt_at = :now
WHERE lane = :lane AND state IN ('queued', 'unknown') AND prepared = 1 AND next_attempt_at > :latest;

-- name: quarantine-insert
INSERT OR IGNORE INTO quarantine (source, number, reason, raw, found_at)
VALUES (:source, :number, :reason, :raw, CAST(strftime('%s', 'now') AS INTEGER) * 1000);

-- name: quarantine-documents
UPDATE documents SET state = 'quarantined' WHERE sequence = :number;

-- name: quarantine-deliveries
UPDATE deliveries SET state = 'quarantined' WHERE number = :number;

-- name: quarantine-deliveries-document
UPDATE documents SET state = 'attention', closed_at = NULL
WHERE id = (SELECT document_id FROM deliveries WHERE number = :number) AND state <> 'quarantined';

-- name: quarantine-events
DELETE FROM events WHERE sequence = :number;

-- name: quarantine-patients
-- The identity stays where it is, but nobody is asked about what cannot be shown.
UPDATE patients SET task = NULL, recovered_at = NULL WHERE number = :number;

-- name: quarantine-inquiries
UPDATE inquiries SET state = 'quarantined' WHERE number = :number;

-- name: quarantine-batches
UPDATE batches SET state = 'quarantined' WHERE number = :number;

-- name: quarantine-list
SELECT source, number, reason, found_at FROM quarantine ORDER BY rowid;

-- name: document
SELECT * FROM documents WHERE id = :id;

-- name: document-by-key
SELECT * FROM documents WHERE workstation = :workstation AND idempotency_key = :idempotency_key;

-- name: document-by-unique-id
SELECT * FROM documents WHERE structure = :structure AND unique_id = :unique_id;

-- name: documents-since
SELECT min(sequence) AS floor FROM documents WHERE accepted_at >= :since;

-- name: documents-structures
WITH RECURSIVE known (name) AS (
    SELECT min(structure) FROM documents
    UNION ALL
    SELECT (SELECT min(structure) FROM documents WHERE structure > known.name) FROM known WHERE known.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL;

-- name: documents-all
SELECT * FROM documents
WHERE sequence < :before AND sequence >= :floor AND accepted_at >= :since AND state <> 'quarantined'
ORDER BY sequence DESC LIMIT :limit;

-- name: documents-of-patient
SELECT * FROM documents
WHERE patient_ref = :patient_ref AND sequence < :before AND sequence >= :floor AND accepted_at >= :since AND state <> 'quarantined'
  AND (:state IS NULL OR state = :state) AND (:workstation IS NULL OR workstation = :workstation)
  AND (:structures IS NULL OR structure IN (SELECT value FROM json_each(:structures)))
ORDER BY sequence DESC LIMIT :limit;

-- name: documents-of-workstation
SELECT * FROM documents
WHERE workstation = :workstation AND state = :state AND sequence < :before AND sequence >= :floor AND accepted_at >= :since
  AND (:structures IS NULL OR structure IN (SELECT value FROM json_each(:structures)))
ORDER BY sequence DESC LIMIT :limit;

-- name: documents-of-structure
SELECT * FROM documents
WHERE structure = :structure AND state = :state AND sequence < :before AND sequence >= :floor AND accepted_at >= :since
ORDER BY sequence DESC LIMIT :limit;

-- name: unprepared-oldest
SELECT d.* FROM deliveries AS w JOIN documents AS d ON d.sequence = w.sequence
WHERE w.state = 'queued' AND w.prepared = 0 AND d.closed_at IS NULL AND d.state <> 'cancelled' AND d.state <> 'quarantined'
  AND d.id NOT IN (SELECT value FROM json_each(:excluding))
ORDER BY w.sequence LIMIT 1;

-- name: unprepared-newest
SELECT d.* FROM deliveries AS w JOIN documents AS d ON d.sequence = w.sequence
WHERE w.state = 'queued' AND w.prepared = 0 AND d.closed_at IS NULL AND d.state <> 'cancelled' AND d.state <> 'quarantined'
  AND d.id NOT IN (SELECT value FROM json_each(:excluding))
ORDER BY w.sequence DESC LIMIT 1;

-- name: delivery
SELECT * FROM deliveries WHERE id = :id;

-- name: deliveries-of
SELECT * FROM deliveries WHERE document_id = :document_id AND state <> 'quarantined' ORDER BY number;

-- name: held-of-patient
SELECT d.* FROM documents AS p JOIN deliveries AS d ON d.document_id = p.id
WHERE p.patient_ref = :patient_ref AND d.state = 'held' ORDER BY d.sequence, d.number;

-- name: waiting-of-patient
SELECT d.* FROM documents AS p JOIN deliveries AS d ON d.document_id = p.id
WHERE p.patient_ref = :patient_ref AND d.state IN ('held', 'queued', 'unknown') ORDER BY d.sequence, d.number;

-- name: due-oldest
SELECT * FROM (
    SELECT * FROM (
        SELECT d.* FROM deliveries AS d
        WHERE d.lane = :lane AND d.state IN ('queued', 'unknown') AND d.prepared = 1 AND d.next_attempt_at IS NULL
          AND d.id NOT IN (SELECT value FROM json_each(:excluding))
          AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                          WHERE e.lane = :lane AND e.order_key = d.order_key AND e.sequence < d.sequence
                            AND e.state IN ('queued', 'running', 'unknown'))
        ORDER BY d.sequence LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT d.* FROM deliveries AS d
        WHERE d.lane = :lane AND d.state IN ('queued', 'unknown') AND d.prepared = 1 AND d.next_attempt_at <= :now
          AND d.id NOT IN (SELECT value FROM json_each(:excluding))
          AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                          WHERE e.lane = :lane AND e.order_key = d.order_key AND e.sequence < d.sequence
                            AND e.state IN ('queued', 'running', 'unknown'))
        ORDER BY d.next_attempt_at, d.sequence LIMIT 1)
) ORDER BY sequence LIMIT 1;

-- name: due-newest
SELECT * FROM (
    SELECT * FROM (
        SELECT d.* FROM deliveries AS d
        WHERE d.lane = :lane AND d.state IN ('queued', 'unknown') AND d.prepared = 1 AND d.next_attempt_at IS NULL
          AND d.id NOT IN (SELECT value FROM json_each(:excluding))
          AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                          WHERE e.lane = :lane AND e.order_key = d.order_key AND e.sequence < d.sequence
                            AND e.state IN ('queued', 'running', 'unknown'))
        ORDER BY d.sequence DESC LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT d.* FROM deliveries AS d
        WHERE d.lane = :lane AND d.state IN ('queued', 'unknown') AND d.prepared = 1 AND d.next_attempt_at <= :now
          AND d.id NOT IN (SELECT value FROM json_each(:excluding))
          AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                          WHERE e.lane = :lane AND e.order_key = d.order_key AND e.sequence < d.sequence
                            AND e.state IN ('queued', 'running', 'unknown'))
        ORDER BY d.next_attempt_at DESC, d.sequence DESC LIMIT 1)
) ORDER BY sequence DESC LIMIT 1;

-- name: next-due-at
SELECT min(next_attempt_at) AS at FROM deliveries
WHERE lane = :lane AND state IN ('queued', 'unknown') AND prepared = 1 AND next_attempt_at > :after;

-- name: lanes
WITH RECURSIVE known (name) AS (
    SELECT min(lane) FROM deliveries WHERE state IN ('held', 'queued', 'running', 'unknown')
    UNION ALL
    SELECT (SELECT min(lane) FROM deliveries WHERE state IN ('held', 'queued', 'running', 'unknown') AND lane > known.name)
    FROM known WHERE known.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL;

-- name: orphans
SELECT * FROM deliveries WHERE state = 'running' AND boot IS NOT :boot ORDER BY sequence, number;

-- name: shape
WITH open_ones AS (
    SELECT lane, state, count(*) AS count, min(sequence) AS oldest FROM deliveries
    WHERE state IN ('held', 'queued', 'running', 'unknown') GROUP BY lane, state
)
SELECT lane, open_ones.state AS state, count, accepted_at AS oldest_accepted_at
FROM open_ones JOIN documents ON documents.sequence = oldest ORDER BY lane, open_ones.state;

-- name: receipts-of
SELECT r.* FROM deliveries AS d JOIN receipts AS r ON r.delivery_id = d.id WHERE d.document_id = :document_id ORDER BY r.number;

-- name: blob
SELECT * FROM blobs WHERE id = :id;

-- name: blobs-of
SELECT * FROM blobs WHERE document_id = :document_id ORDER BY number;

-- name: blobs-known
SELECT id FROM blobs WHERE id IN (SELECT value FROM json_each(:ids));

-- name: events-after
SELECT * FROM events WHERE sequence > :sequence ORDER BY sequence LIMIT :limit;

-- name: last-event
SELECT seq FROM sqlite_sequence WHERE name = 'events';

-- name: workstation-by-token
SELECT * FROM workstations WHERE token_digest = :token_digest;

-- name: workstations
SELECT * FROM workstations ORDER BY number;

-- name: patient
SELECT * FROM patients WHERE structure = :structure AND local_ref = :local_ref;

-- name: patients-with-ins
SELECT * FROM patients WHERE structure = :structure AND ins_ref = :ins_ref ORDER BY number;

-- name: patients-after
SELECT * FROM patients WHERE structure = :structure AND number > :number ORDER BY number LIMIT :limit;

-- name: patients-to-verify
SELECT * FROM patients WHERE structure = :structure AND status = 'QUAL' AND recovered_at < :recovered_before
ORDER BY recovered_at, number LIMIT :limit;

-- name: patients-waited-for
SELECT * FROM patients
WHERE (structure, local_ref) IN (
    SELECT p.structure, p.patient_ref FROM deliveries AS d JOIN documents AS p ON p.id = d.document_id
    WHERE d.state IN ('held', 'queued', 'running', 'unknown') AND d.state = 'held')
ORDER BY number;

-- name: patient-count
SELECT count(*) AS count FROM patients WHERE structure = :structure;

-- name: tasks
SELECT * FROM patients
WHERE structure = :structure AND task = :task AND task IS NOT NULL AND (task_since, number) > (:since, :number)
ORDER BY task_since, number LIMIT :limit;

-- name: task-counts
SELECT task, count(*) AS count FROM patients
WHERE structure IN (SELECT value FROM json_each(:structures)) AND task IS NOT NULL GROUP BY task ORDER BY task;

-- name: changes-of
SELECT * FROM identity_changes WHERE structure = :structure AND local_ref = :local_ref ORDER BY number DESC LIMIT :limit;

-- name: call
SELECT * FROM insi_calls WHERE id = :id;

-- name: calls-of
SELECT * FROM insi_calls WHERE structure = :structure AND local_ref = :local_ref AND local_ref IS NOT NULL
ORDER BY number DESC LIMIT :limit;

-- name: unanswered-calls
SELECT * FROM insi_calls WHERE answered_at IS NULL ORDER BY at, number;

-- name: calls-past
SELECT id FROM insi_calls WHERE at < :before AND answered_at IS NOT NULL ORDER BY at, number LIMIT :limit;

-- name: inquiries-past
SELECT id FROM inquiries
WHERE state IN ('done', 'failed', 'cancelled') AND updated_at < :before
  AND (batch_id IS NULL OR (SELECT closed_at FROM batches WHERE id = batch_id) < :before)
ORDER BY updated_at, number LIMIT :limit;

-- name: batches-past
SELECT id FROM batches
WHERE state IN ('done', 'cancelled') AND closed_at < :before AND NOT EXISTS (SELECT 1 FROM inquiries WHERE batch_id = batches.id)
ORDER BY closed_at, number LIMIT :limit;

-- name: inquiry
SELECT * FROM inquiries WHERE id = :id;

-- name: inquiries-due
SELECT * FROM (
    SELECT * FROM (
        SELECT * FROM inquiries
        WHERE kind = :kind AND night = :night AND state = 'waiting' AND next_attempt_at IS NULL
          AND (software IS NULL OR software NOT IN (SELECT value FROM json_each(:paused)))
          AND structure NOT IN (SELECT value FROM json_each(:busy))
        ORDER BY number LIMIT :limit)
    UNION ALL
    SELECT * FROM (
        SELECT * FROM inquiries
        WHERE kind = :kind AND night = :night AND state = 'waiting' AND next_attempt_at <= :now
          AND (software IS NULL OR software NOT IN (SELECT value FROM json_each(:paused)))
          AND structure NOT IN (SELECT value FROM json_each(:busy))
        ORDER BY next_attempt_at, number LIMIT :limit)
) ORDER BY next_attempt_at, number LIMIT :limit;

-- name: next-inquiry-at
SELECT min(next_attempt_at) AS at FROM inquiries
WHERE kind = :kind AND night = :night AND state = 'waiting' AND next_attempt_at > :after;

-- name: running-inquiries
SELECT * FROM inquiries WHERE state = 'running' ORDER BY number;

-- name: waiting-inquiries
SELECT kind, count(*) AS count FROM inquiries WHERE state = 'waiting' GROUP BY kind ORDER BY kind;

-- name: inquiries-of-batch
SELECT * FROM inquiries WHERE batch_id = :batch_id AND batch_id IS NOT NULL AND number > :after AND state <> 'quarantined'
ORDER BY number LIMIT :limit;

-- name: batch
SELECT * FROM batches WHERE id = :id;

-- name: batches
SELECT * FROM batches WHERE structure = :structure AND state <> 'quarantined' ORDER BY number DESC LIMIT :limit;

-- name: running-batches
SELECT * FROM batches WHERE state = 'running' ORDER BY number;

-- name: batch-counts
SELECT state, outcome, count(*) AS count FROM inquiries WHERE batch_id = :batch_id AND batch_id IS NOT NULL
GROUP BY state, outcome ORDER BY state, outcome;

-- name: existence
SELECT * FROM existence WHERE structure = :structure AND patient_ref = :patient_ref;

-- name: audit-of
SELECT * FROM audit WHERE document_id = :document_id ORDER BY sequence;

-- name: audit-after
SELECT * FROM audit WHERE sequence > :sequence ORDER BY sequence LIMIT :limit;

-- name: audit-count
SELECT seq FROM sqlite_sequence WHERE name = 'audit';

-- name: alarm
SELECT * FROM alarms WHERE id = :id;

-- name: alarms
SELECT * FROM alarms ORDER BY number;

-- name: successions
SELECT * FROM successions ORDER BY structure, role;

-- name: pairings
SELECT * FROM pairings ORDER BY number;
