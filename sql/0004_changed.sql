-- Who looks on is told when something has changed: each transaction of the journal notifies, so that a screen sleeps until
-- then. The payload is empty; equal notifications of one transaction are one.

CREATE OR REPLACE FUNCTION strata.scheduler_tick(p_lake integer, p_epoch bigint, p_tick bigint, p_next_fence bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE strata.scheduler
	SET tick = p_tick, heartbeat = now(), next_fence = greatest(next_fence, p_next_fence)
	WHERE lake_id = p_lake AND epoch = p_epoch AND tick < p_tick;
	IF FOUND THEN
		PERFORM pg_notify('strata_changed_' || p_lake, '');
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM strata.scheduler WHERE lake_id = p_lake AND epoch = p_epoch) THEN
		RAISE EXCEPTION 'tick % is applied already', p_tick USING ERRCODE = 'ST002';
	END IF;
	RAISE EXCEPTION 'epoch % is over: another scheduler has taken the lake', p_epoch USING ERRCODE = 'ST001';
END $$;
