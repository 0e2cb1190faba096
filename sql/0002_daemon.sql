-- What a scheduler that stays up remembers: schedules and their intervals, paused runs, and how commands reach it.

ALTER TABLE strata.run ADD COLUMN paused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN strata.run.paused IS 'Somebody paused it: it starts nothing until it is unpaused.';

ALTER TABLE strata.scheduler
	ADD COLUMN daemon boolean NOT NULL DEFAULT false,
	ADD COLUMN draining boolean NOT NULL DEFAULT false,
	ADD COLUMN project_error text NOT NULL DEFAULT '',
	ADD COLUMN project_read_at timestamptz;
COMMENT ON COLUMN strata.scheduler.daemon IS 'It stays up and takes commands; else it is a run in the foreground.';
COMMENT ON COLUMN strata.scheduler.project_error IS 'Why the project as it is on disk is not the one that is scheduled; empty: it is.';

ALTER TABLE strata.schedule ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN strata.schedule.seen_at IS 'When it was first seen: before that it missed nothing.';

CREATE TABLE strata.schedule_interval (
	lake_id integer NOT NULL,
	schedule text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	PRIMARY KEY (lake_id, schedule, at)
);
COMMENT ON TABLE strata.schedule_interval IS 'The ledger: each interval of a schedule that was given a run, once.';

-- The interval is in the ledger with its run, in one transaction, or neither is.
CREATE FUNCTION strata.run_of_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO strata.schedule_interval (lake_id, schedule, at, run_id)
	VALUES (NEW.lake_id, NEW.params->>'schedule', to_timestamp((NEW.params->>'interval')::bigint), NEW.run_id);
	RETURN NULL;
END $$;
CREATE TRIGGER run_of_schedule AFTER INSERT ON strata.run FOR EACH ROW
WHEN (NEW.params->>'interval' IS NOT NULL) EXECUTE FUNCTION strata.run_of_schedule();

CREATE FUNCTION strata.command_new(p_lake integer, p_kind text, p_args jsonb, p_by text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	id bigint;
BEGIN
	INSERT INTO strata.command (lake_id, kind, args, requested_by) VALUES (p_lake, p_kind, p_args, p_by)
	RETURNING command_id INTO id;
	PERFORM pg_notify('strata_command_' || p_lake, id::text);
	RETURN id;
END $$;
COMMENT ON FUNCTION strata.command_new IS 'Ask the lake''s scheduler for something; it is woken by NOTIFY.';

CREATE FUNCTION strata.command_end(p_lake integer, p_epoch bigint, p_id bigint, p_outcome text, p_detail text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO strata.audit (lake_id, actor, action, object, detail)
	SELECT lake_id, requested_by, kind, coalesce(args->>'name', args->>'run_id', ''),
		jsonb_build_object('args', args, 'outcome', p_outcome, 'detail', p_detail)
	FROM strata.command c
	WHERE lake_id = p_lake AND command_id = p_id AND outcome = ''
		AND EXISTS (SELECT FROM strata.scheduler s WHERE s.lake_id = p_lake AND s.epoch = p_epoch);
	IF FOUND THEN
		UPDATE strata.command SET outcome = p_outcome, detail = p_detail, ended_at = now() WHERE command_id = p_id;
		PERFORM pg_notify('strata_answer_' || p_lake, p_id::text);
	END IF;
END $$;
COMMENT ON FUNCTION strata.command_end IS 'What became of a command, once, by the scheduler of the current epoch; kept in audit.';
