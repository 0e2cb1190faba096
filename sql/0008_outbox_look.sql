-- What is due of a callback, first what is due first: looked at after each attempt, however much waits.

CREATE INDEX outbox_due ON strata.outbox (lake_id, callback, next_at, seq) WHERE outcome = '';
