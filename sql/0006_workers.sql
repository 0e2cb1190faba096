-- What the workers of a scheduler do just now, for who looks on from anywhere: written with the journal, at most once a second.

ALTER TABLE strata.scheduler ADD COLUMN workers jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN strata.scheduler.workers IS 'Each worker: its name, pid, memory, and what it is at. As old as the last change.';
