-- What is past its time is found by its age, a few rows at a time.

CREATE INDEX insi_calls_age ON insi_calls (at);
CREATE INDEX inquiries_age ON inquiries (updated_at) WHERE state IN ('done', 'failed', 'cancelled');
