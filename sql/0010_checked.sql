-- When checks were made last on what is published, by a run that built nothing; NULL: never, or something was published since.

ALTER TABLE strata.partition ADD COLUMN checked_at timestamptz;
COMMENT ON COLUMN strata.try.rows IS 'that it made; NULL of a success: it made nothing, and what is published passed its checks';
