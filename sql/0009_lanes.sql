-- How many workers a scheduler may have, and for whom they are at work just now: written with strata.scheduler.workers.

ALTER TABLE strata.scheduler ADD COLUMN lanes jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN strata.scheduler.lanes IS 'slots: workers that there may be; kept: of these, for scheduled runs only; scheduled, other: at work for such runs.';
