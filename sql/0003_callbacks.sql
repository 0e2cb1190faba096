-- Callbacks: what is to be told of runs and tables, in the transaction that makes it true.
--
-- Triggers decide, so that no way in which a run or a task can end leaves them out: by its scheduler, by the recovery of
-- the next one, or because it could not be planned. The key of what is told follows from lake, callback, event and run, so
-- a transaction that is sent again tells nothing twice. Where a callback goes is not here: it may be secret.

CREATE TABLE strata.callback (
	lake_id integer NOT NULL REFERENCES strata.lake,
	name text COLLATE "C" NOT NULL,
	events text[] NOT NULL,
	kinds text[] NOT NULL,
	schedules text[],
	tables text[],
	PRIMARY KEY (lake_id, name)
);
COMMENT ON TABLE strata.callback IS 'Callbacks as the scheduler last read them from the project.';
COMMENT ON COLUMN strata.callback.schedules IS 'Only of runs of these; NULL: of all runs.';
COMMENT ON COLUMN strata.callback.tables IS 'Only events of these tables; NULL: of all.';

CREATE TABLE strata.incident (
	lake_id integer NOT NULL,
	subject text COLLATE "C" NOT NULL,
	table_name text COLLATE "C" NOT NULL DEFAULT '',
	partition text COLLATE "C" NOT NULL DEFAULT '',
	run_id text COLLATE "C" NOT NULL,
	opened_at timestamptz NOT NULL,
	PRIMARY KEY (lake_id, subject)
);
COMMENT ON TABLE strata.incident IS 'What has failed and has not succeeded since.';
COMMENT ON COLUMN strata.incident.subject IS 'A schedule, a selection, or a table''s partition.';
COMMENT ON COLUMN strata.incident.run_id IS 'The run in which it failed first.';

CREATE TABLE strata.outbox (
	lake_id integer NOT NULL,
	key uuid NOT NULL,
	seq bigint GENERATED ALWAYS AS IDENTITY,
	callback text COLLATE "C" NOT NULL,
	event text NOT NULL CHECK (event IN ('failure', 'recovery', 'deadline', 'success', 'table_failure', 'table_recovery')),
	subject text COLLATE "C" NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	body jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	since timestamptz NOT NULL DEFAULT clock_timestamp(),
	tries integer NOT NULL DEFAULT 0,
	next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'delivered', 'given_up', 'dropped')),
	ended_at timestamptz,
	error text NOT NULL DEFAULT '',
	PRIMARY KEY (lake_id, key),
	CHECK ((ended_at IS NULL) = (outcome = ''))
);
CREATE INDEX outbox_open ON strata.outbox (lake_id, callback, subject, seq) WHERE outcome = '';
CREATE INDEX outbox_by_time ON strata.outbox (lake_id, created_at DESC);
COMMENT ON TABLE strata.outbox IS 'What callbacks are to be told, and what became of it.';
COMMENT ON COLUMN strata.outbox.key IS 'The same however often it is delivered: a receiver that knows it acts once.';
COMMENT ON COLUMN strata.outbox.subject IS 'What it is about; of one callback and subject, one after the other is delivered.';
COMMENT ON COLUMN strata.outbox.since IS 'It is tried for a callback''s retry_for from then on.';
COMMENT ON COLUMN strata.outbox.next_at IS 'Not tried before then.';
COMMENT ON COLUMN strata.outbox.error IS 'Of the last attempt.';

-- What a run is of: what recovers when a later run of the same is a success.
CREATE FUNCTION strata.run_subject(r strata.run) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN r.params->>'schedule' IS NOT NULL THEN 'schedule ' || (r.params->>'schedule')
		WHEN r.selection <> '' THEN 'selection ' || r.selection ELSE 'selection of all tables' END
$$;

CREATE FUNCTION strata.run_told(r strata.run) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object('id', r.run_id, 'kind', r.kind, 'schedule', r.params->>'schedule',
		'interval', to_timestamp((r.params->>'interval')::bigint), 'selection', r.selection,
		'first_date', r.first_date, 'last_date', r.last_date, 'state', r.state, 'result', r.result,
		'requested_by', r.requested_by, 'created_at', r.created_at, 'started_at', r.started_at, 'ended_at', r.ended_at,
		'counts', r.counts)
$$;

CREATE FUNCTION strata.outbox_add(r strata.run, p_event text, p_subject text, p_table text, p_text text, p_more jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO strata.outbox (lake_id, key, callback, event, subject, run_id, body)
	SELECT r.lake_id, k.key, c.name, p_event, p_subject, r.run_id,
		jsonb_build_object('key', k.key, 'callback', c.name, 'event', p_event, 'subject', p_subject, 'text', p_text,
			'lake', l.uuid, 'run', strata.run_told(r)) || p_more
	FROM strata.callback c JOIN strata.lake l ON l.lake_id = c.lake_id,
		LATERAL (SELECT md5(concat_ws(E'\n', l.uuid, c.name, p_event, r.run_id, p_subject))::uuid AS key) k
	WHERE c.lake_id = r.lake_id AND p_event = ANY (c.events) AND r.kind = ANY (c.kinds)
		AND (c.schedules IS NULL OR r.params->>'schedule' = ANY (c.schedules))
		AND (p_table = '' OR c.tables IS NULL OR p_table = ANY (c.tables))
	ON CONFLICT (lake_id, key) DO NOTHING;
	IF FOUND THEN
		PERFORM pg_notify('strata_outbox_' || r.lake_id, '');
	END IF;
END $$;
COMMENT ON FUNCTION strata.outbox_add IS 'Each callback of the lake that wants to know; each once, however often this is called.';

-- A run that has ended, when all rows of that transaction are there: its last tasks are written after it.
CREATE FUNCTION strata.run_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	about text := strata.run_subject(NEW);
	failed jsonb;
	why text;
	was record;
BEGIN
	IF NOT EXISTS (SELECT FROM strata.callback WHERE lake_id = NEW.lake_id) THEN
		RETURN NULL;
	END IF;
	IF to_timestamp((NEW.params->>'deadline')::bigint) < NEW.ended_at THEN
		PERFORM strata.deadline_told(NEW);
	END IF;
	FOR was IN DELETE FROM strata.incident i USING strata.task t
		WHERE i.lake_id = NEW.lake_id AND i.table_name <> '' AND t.lake_id = NEW.lake_id AND t.run_id = NEW.run_id
			AND t.table_name = i.table_name AND t.partition = i.partition AND t.result IN ('success', 'empty', 'fresh')
			AND t.ended_at > i.opened_at
		RETURNING i.subject, i.table_name, i.partition, i.run_id, i.opened_at
	LOOP
		PERFORM strata.outbox_add(NEW, 'table_recovery', was.subject, was.table_name,
			format('%s is built again, after its failure in run %s', concat_ws(' ', was.table_name, nullif(was.partition, '')), was.run_id),
			jsonb_build_object('table', was.table_name, 'partition', was.partition, 'failed_run', was.run_id, 'failed_at', was.opened_at));
	END LOOP;
	IF NEW.result = 'failed' THEN
		SELECT cause INTO why FROM strata.event
		WHERE lake_id = NEW.lake_id AND run_id = NEW.run_id AND object = 'run' AND to_state = 'done' ORDER BY epoch DESC, seq DESC LIMIT 1;
		SELECT jsonb_agg(jsonb_build_object('table', table_name, 'partition', partition, 'result', result, 'tries', tries,
			'error', left(error, 1000)) ORDER BY ended_at, table_name, partition) INTO failed
		FROM (SELECT * FROM strata.task WHERE lake_id = NEW.lake_id AND run_id = NEW.run_id AND result IN ('failed', 'timeout')
			ORDER BY ended_at, table_name, partition LIMIT 20) t;
		INSERT INTO strata.incident (lake_id, subject, run_id, opened_at) VALUES (NEW.lake_id, about, NEW.run_id, NEW.ended_at)
		ON CONFLICT DO NOTHING;
		PERFORM strata.outbox_add(NEW, 'failure', about, '',
			format('%s has failed, run %s: %s', about, NEW.run_id, coalesce(nullif(why, ''),
				concat_ws(' ', failed->0->>'table', nullif(failed->0->>'partition', '')) || ': ' || left(failed->0->>'error', 300), 'see its tasks')),
			jsonb_build_object('cause', coalesce(why, ''), 'failed', coalesce(failed, '[]')));
	ELSIF NEW.result = 'success' THEN
		DELETE FROM strata.incident WHERE lake_id = NEW.lake_id AND subject = about RETURNING * INTO was;
		IF FOUND THEN
			PERFORM strata.outbox_add(NEW, 'recovery', about, '', format('%s is well again, run %s, after the failure of run %s', about,
				NEW.run_id, was.run_id), jsonb_build_object('failed_run', was.run_id, 'failed_at', was.opened_at));
		END IF;
		PERFORM strata.outbox_add(NEW, 'success', about, '', format('%s is done, run %s', about, NEW.run_id), '{}');
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER run_ended AFTER UPDATE ON strata.run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.state = 'done' AND OLD.state <> 'done') EXECUTE FUNCTION strata.run_ended();

CREATE FUNCTION strata.task_failed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	r strata.run;
	about text := 'table ' || concat_ws(' ', NEW.table_name, nullif(NEW.partition, ''));
BEGIN
	IF NOT EXISTS (SELECT FROM strata.callback WHERE lake_id = NEW.lake_id AND events && ARRAY['table_failure', 'table_recovery']) THEN
		RETURN NULL;
	END IF;
	SELECT * INTO r FROM strata.run WHERE lake_id = NEW.lake_id AND run_id = NEW.run_id;
	INSERT INTO strata.incident (lake_id, subject, table_name, partition, run_id, opened_at)
	VALUES (NEW.lake_id, about, NEW.table_name, NEW.partition, NEW.run_id, coalesce(NEW.ended_at, now()))
	ON CONFLICT DO NOTHING;
	PERFORM strata.outbox_add(r, 'table_failure', about, NEW.table_name,
		format('%s has failed, run %s: %s', about, NEW.run_id, left(NEW.error, 300)),
		jsonb_build_object('table', NEW.table_name, 'partition', NEW.partition, 'result', NEW.result, 'tries', NEW.tries,
			'error', left(NEW.error, 1000)));
	RETURN NULL;
END $$;
CREATE TRIGGER task_failed AFTER INSERT OR UPDATE ON strata.task FOR EACH ROW
WHEN (NEW.state = 'done' AND NEW.result IN ('failed', 'timeout')) EXECUTE FUNCTION strata.task_failed();

CREATE FUNCTION strata.deadline_told(r strata.run) RETURNS void LANGUAGE sql AS $$
	SELECT strata.outbox_add(r, 'deadline', strata.run_subject(r), '', format('%s is late, run %s: it was to be done by %s',
		strata.run_subject(r), r.run_id, to_char(to_timestamp((r.params->>'deadline')::bigint) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
		jsonb_build_object('deadline', to_timestamp((r.params->>'deadline')::bigint)))
$$;

CREATE FUNCTION strata.deadline_passed(p_lake integer, p_epoch bigint, p_run text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	r strata.run;
BEGIN
	SELECT * INTO r FROM strata.run WHERE lake_id = p_lake AND run_id = p_run FOR UPDATE;
	IF r.state <> 'done' AND EXISTS (SELECT FROM strata.scheduler s WHERE s.lake_id = p_lake AND s.epoch = p_epoch) THEN
		PERFORM strata.deadline_told(r);
	END IF;
END $$;
COMMENT ON FUNCTION strata.deadline_passed IS 'By the scheduler, when it has: a run that is not done is told.';
