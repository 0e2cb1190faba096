-- The state of a lake's scheduler: runs, tasks, tries, their events, and what is published.
--
-- One writer per lake (the scheduler that holds the advisory lock; every transaction of it starts with
-- strata.scheduler_tick), so rows that it writes by the thousand carry no foreign keys: a check per row
-- would cost more than the row. Names sort by bytes (COLLATE "C"), so an index is in the order of dates.
-- States, results, waits and outcomes equal core/states.h; a test compares them.

CREATE TABLE strata.lake (
	lake_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	uuid uuid NOT NULL UNIQUE,
	uri text NOT NULL,
	host text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE strata.lake IS 'One row per lake; everything else belongs to one.';
COMMENT ON COLUMN strata.lake.uuid IS 'As in the lake''s .strata/lake.json.';
COMMENT ON COLUMN strata.lake.uri IS 'Where it was last seen; for people.';
COMMENT ON COLUMN strata.lake.host IS 'The host of a local lake; empty for a shared store.';

CREATE TABLE strata.scheduler (
	lake_id integer PRIMARY KEY REFERENCES strata.lake,
	epoch bigint NOT NULL DEFAULT 0,
	tick bigint NOT NULL DEFAULT 0,
	next_fence bigint NOT NULL DEFAULT 1,
	heartbeat timestamptz,
	acquired_at timestamptz,
	pid integer,
	host text,
	command text,
	run_id text
) WITH (fillfactor = 50);
COMMENT ON TABLE strata.scheduler IS 'Who schedules the lake now, or did last; whether somebody does is told by the advisory lock.';
COMMENT ON COLUMN strata.scheduler.epoch IS 'Grows with each acquisition; a writer with an older one is refused.';
COMMENT ON COLUMN strata.scheduler.tick IS 'Number of the last transaction of the journal; tells whether an interrupted commit happened.';
COMMENT ON COLUMN strata.scheduler.next_fence IS 'Larger than the fence of every try ever recorded.';

CREATE TABLE strata.run (
	lake_id integer NOT NULL REFERENCES strata.lake,
	run_id text COLLATE "C" NOT NULL,
	kind text NOT NULL CHECK (kind IN ('manual', 'scheduled', 'backfill')),
	state text NOT NULL CHECK (state IN ('planned', 'running', 'done')),
	result text NOT NULL DEFAULT '' CHECK (result IN ('', 'success', 'failed', 'canceled')),
	selection text NOT NULL DEFAULT '',
	first_date date,
	last_date date,
	force boolean NOT NULL DEFAULT false,
	params jsonb NOT NULL DEFAULT '{}',
	tasks bigint NOT NULL DEFAULT 0,
	fresh bigint NOT NULL DEFAULT 0,
	counts jsonb NOT NULL DEFAULT '{}',
	epoch bigint NOT NULL,
	git_commit text NOT NULL DEFAULT '',
	requested_by text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL,
	started_at timestamptz,
	ended_at timestamptz,
	PRIMARY KEY (lake_id, run_id),
	CHECK ((state = 'done') = (result <> ''))
) WITH (fillfactor = 70);
CREATE INDEX run_by_time ON strata.run (lake_id, created_at DESC, run_id);
CREATE INDEX run_unfinished ON strata.run (lake_id) WHERE state <> 'done';
COMMENT ON TABLE strata.run IS 'One request to bring a selection up to date for a range of dates.';
COMMENT ON COLUMN strata.run.selection IS 'As the caller wrote it.';
COMMENT ON COLUMN strata.run.params IS 'The other options of the request.';
COMMENT ON COLUMN strata.run.tasks IS 'Tasks that the plan had to build.';
COMMENT ON COLUMN strata.run.fresh IS 'Tasks that the plan found fresh; they have no rows.';
COMMENT ON COLUMN strata.run.counts IS 'Tasks by result, written when the run is done.';
COMMENT ON COLUMN strata.run.epoch IS 'Of the scheduler that last wrote it: an unfinished run of an older epoch is of a dead scheduler.';

CREATE TABLE strata.task (
	lake_id integer NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	partition text COLLATE "C" NOT NULL,
	state text NOT NULL CHECK (state IN ('waiting', 'ready', 'running', 'done')),
	result text NOT NULL DEFAULT '' CHECK (result IN ('', 'success', 'empty', 'fresh', 'failed', 'timeout',
		'upstream_failed', 'canceled', 'skipped')),
	wait text NOT NULL DEFAULT '' CHECK (wait IN ('', 'dependencies', 'pool', 'retry', 'schedule', 'paused',
		'source', 'host')),
	tries integer NOT NULL DEFAULT 0,
	reason text NOT NULL DEFAULT '',
	cause text NOT NULL DEFAULT '',
	error text NOT NULL DEFAULT '',
	rows bigint,
	bytes bigint,
	retry_at timestamptz,
	ready_at timestamptz,
	started_at timestamptz,
	ended_at timestamptz,
	PRIMARY KEY (lake_id, run_id, table_name, partition),
	CHECK ((state = 'done') = (result <> ''))
) WITH (fillfactor = 70);
COMMENT ON TABLE strata.task IS 'A table''s partition in a run. A task that has not left waiting has no row.';
COMMENT ON COLUMN strata.task.partition IS 'A date, or empty for the only partition of an unpartitioned table.';
COMMENT ON COLUMN strata.task.reason IS 'Why the plan wants it built: new, sql changed, forced, ...';
COMMENT ON COLUMN strata.task.cause IS 'What brought it into this state from outside: the upstream that failed, who canceled.';
COMMENT ON COLUMN strata.task.error IS 'Of its last try.';

CREATE TABLE strata.try (
	lake_id integer NOT NULL,
	fence bigint NOT NULL,
	try_id uuid NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	partition text COLLATE "C" NOT NULL,
	try_no integer NOT NULL,
	state text NOT NULL CHECK (state IN ('starting', 'running', 'ended')),
	outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'success', 'error', 'timeout', 'lost', 'killed',
		'fenced')),
	worker text NOT NULL DEFAULT '',
	log_path text NOT NULL DEFAULT '',
	error_class text NOT NULL DEFAULT '',
	error text NOT NULL DEFAULT '',
	error_line integer,
	error_col integer,
	rows bigint,
	bytes bigint,
	cleared_rows bigint,
	prepare_us bigint,
	load_us bigint,
	validate_us bigint,
	commit_us bigint,
	cleanup_us bigint,
	staging text NOT NULL DEFAULT '',
	note text NOT NULL DEFAULT '',
	started_at timestamptz NOT NULL,
	running_at timestamptz,
	ended_at timestamptz,
	PRIMARY KEY (lake_id, fence),
	CHECK ((state = 'ended') = (outcome <> ''))
) WITH (fillfactor = 70);
CREATE INDEX try_by_task ON strata.try (lake_id, run_id, table_name, partition);
COMMENT ON TABLE strata.try IS 'One attempt at a task. Its fence is its key: it grows, so rows are written where the last ones are.';
COMMENT ON COLUMN strata.try.fence IS 'Unique and growing in the lake; a publish with a smaller one than what is there is refused.';
COMMENT ON COLUMN strata.try.worker IS 'Names the lock .strata/workers/<worker>.lock that is held while the try can be alive.';
COMMENT ON COLUMN strata.try.staging IS 'Folder of staged data that was kept, relative to the lake.';

CREATE TABLE strata.event (
	at timestamptz NOT NULL,
	lake_id integer NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	object text NOT NULL CHECK (object IN ('run', 'task', 'try')),
	table_name text COLLATE "C" NOT NULL DEFAULT '',
	partition text COLLATE "C" NOT NULL DEFAULT '',
	fence bigint,
	try_no integer,
	from_state text NOT NULL,
	to_state text NOT NULL,
	result text NOT NULL DEFAULT '',
	wait text NOT NULL DEFAULT '',
	cause text NOT NULL DEFAULT ''
) PARTITION BY RANGE (at);
CREATE INDEX event_by_run ON strata.event (lake_id, run_id, epoch, seq);
COMMENT ON TABLE strata.event IS 'Every transition with its cause; append-only; a partition a month, so that old months go at once.';
COMMENT ON COLUMN strata.event.seq IS 'Order within the epoch.';

CREATE FUNCTION strata.event_months(first_month date, last_month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	month date := date_trunc('month', first_month);
	part text;
BEGIN
	WHILE month <= last_month LOOP
		part := 'event_' || to_char(month, 'YYYYMM');
		IF to_regclass('strata.' || part) IS NULL THEN
			EXECUTE format('CREATE TABLE IF NOT EXISTS strata.%I PARTITION OF strata.event FOR VALUES FROM (%L) TO (%L)',
				part, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
				to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
		END IF;
		month := month + interval '1 month';
	END LOOP;
END $$;
COMMENT ON FUNCTION strata.event_months IS 'Make the partitions of strata.event that are missing between two months, in UTC.';

CREATE TABLE strata.partition (
	lake_id integer NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	partition text COLLATE "C" NOT NULL,
	grain text NOT NULL DEFAULT '' CHECK (grain IN ('', 'day')),
	version bigint NOT NULL,
	fence bigint NOT NULL,
	try_id uuid NOT NULL,
	run_id text COLLATE "C" NOT NULL,
	empty boolean NOT NULL DEFAULT false,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	files integer NOT NULL,
	fingerprint text NOT NULL DEFAULT '',
	schema jsonb NOT NULL DEFAULT '[]',
	git_commit text NOT NULL DEFAULT '',
	published_at timestamptz NOT NULL,
	PRIMARY KEY (lake_id, table_name, partition)
) WITH (fillfactor = 80);
CREATE INDEX partition_by_fence ON strata.partition (lake_id, fence);
COMMENT ON TABLE strata.partition IS 'What is published: the index of the manifests, which are the truth and from which it is repaired.';
COMMENT ON COLUMN strata.partition.grain IS 'day, or empty for the only partition of an unpartitioned table.';
COMMENT ON COLUMN strata.partition.version IS 'Of the partition; grows with each publish and each emptying.';
COMMENT ON COLUMN strata.partition.fence IS 'Of the try that published it; an older one never replaces a newer one.';
COMMENT ON COLUMN strata.partition.try_id IS 'The identity that the manifest carries.';
COMMENT ON COLUMN strata.partition.empty IS 'Built and without rows: there is no folder and no manifest.';
COMMENT ON COLUMN strata.partition.fingerprint IS 'Digest of what it was computed from; empty: never fresh.';

CREATE TABLE strata.lineage (
	lake_id integer NOT NULL,
	fence bigint NOT NULL,
	up_table text COLLATE "C" NOT NULL,
	up_partition text COLLATE "C" NOT NULL,
	up_version bigint NOT NULL,
	up_identity text NOT NULL,
	PRIMARY KEY (lake_id, fence, up_table, up_partition)
);
CREATE INDEX lineage_by_up ON strata.lineage (lake_id, up_table, up_partition);
COMMENT ON TABLE strata.lineage IS 'What each successful try read, version by version.';
COMMENT ON COLUMN strata.lineage.fence IS 'The try that read.';
COMMENT ON COLUMN strata.lineage.up_table IS 'A table, or source:<path> for a file of a source.';
COMMENT ON COLUMN strata.lineage.up_version IS '0: nothing was published there, or a file.';
COMMENT ON COLUMN strata.lineage.up_identity IS 'The try_id of what was read; of a file its size, times and inode; empty: absent.';

CREATE TABLE strata.check_result (
	lake_id integer NOT NULL,
	fence bigint NOT NULL,
	name text NOT NULL,
	status text NOT NULL CHECK (status IN ('passed', 'failed')),
	detail text NOT NULL DEFAULT '',
	PRIMARY KEY (lake_id, fence, name)
);
COMMENT ON TABLE strata.check_result IS 'The checks of a try''s staged data.';

CREATE TABLE strata.table_stat (
	lake_id integer NOT NULL,
	table_name text COLLATE "C" NOT NULL,
	built bigint NOT NULL,
	duration_us bigint NOT NULL,
	schema jsonb,
	schema_fence bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (lake_id, table_name)
) WITH (fillfactor = 50);
COMMENT ON TABLE strata.table_stat IS 'What was learned of a table, a row each, so that planning never scans history.';
COMMENT ON COLUMN strata.table_stat.duration_us IS 'Of a successful try: moving average, the newest weighs 30 %.';
COMMENT ON COLUMN strata.table_stat.schema IS 'Of its newest publish: what an empty partition binds as.';

CREATE TABLE strata.schedule (
	lake_id integer NOT NULL REFERENCES strata.lake,
	name text NOT NULL,
	paused boolean NOT NULL DEFAULT false,
	next_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (lake_id, name)
);
COMMENT ON TABLE strata.schedule IS 'What a schedule of the project remembers.';

CREATE TABLE strata.pool (
	lake_id integer NOT NULL REFERENCES strata.lake,
	name text NOT NULL,
	slots integer NOT NULL CHECK (slots >= 0),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (lake_id, name)
);
COMMENT ON TABLE strata.pool IS 'Pools as the scheduler last read them from the project.';

CREATE TABLE strata.command (
	command_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	lake_id integer NOT NULL REFERENCES strata.lake,
	kind text NOT NULL,
	args jsonb NOT NULL DEFAULT '{}',
	requested_by text NOT NULL DEFAULT '',
	requested_at timestamptz NOT NULL DEFAULT now(),
	outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'done', 'refused', 'failed')),
	detail text NOT NULL DEFAULT '',
	ended_at timestamptz
);
CREATE INDEX command_open ON strata.command (lake_id, command_id) WHERE outcome = '';
COMMENT ON TABLE strata.command IS 'Requests to the lake''s scheduler, and what became of them.';

CREATE TABLE strata.audit (
	audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	lake_id integer NOT NULL REFERENCES strata.lake,
	actor text NOT NULL,
	action text NOT NULL,
	object text NOT NULL DEFAULT '',
	detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_time ON strata.audit (lake_id, at DESC);
COMMENT ON TABLE strata.audit IS 'Who did what by hand; append-only.';

CREATE FUNCTION strata.scheduler_tick(p_lake integer, p_epoch bigint, p_tick bigint, p_next_fence bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE strata.scheduler
	SET tick = p_tick, heartbeat = now(), next_fence = greatest(next_fence, p_next_fence)
	WHERE lake_id = p_lake AND epoch = p_epoch AND tick < p_tick;
	IF FOUND THEN
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM strata.scheduler WHERE lake_id = p_lake AND epoch = p_epoch) THEN
		RAISE EXCEPTION 'tick % is applied already', p_tick USING ERRCODE = 'ST002';
	END IF;
	RAISE EXCEPTION 'epoch % is over: another scheduler has taken the lake', p_epoch USING ERRCODE = 'ST001';
END $$;
COMMENT ON FUNCTION strata.scheduler_tick IS 'First statement of every transaction of the journal: only the current epoch writes, and each tick once.';
