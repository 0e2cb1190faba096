# What a scheduler that died has left, and how the next command goes on with it.
load helper

setup() {
	project_shop
	shop_days 1 4
	raw_settle
}

teardown() { project_remove; }

ask() {
	psql -XAtc "$1" "$(strata db start)"
}

# die POINT:N ARGUMENT…: a run whose scheduler is killed there.
die() {
	local fault=$1
	shift
	STRATA_FAULT=$fault:kill run strata run --start 2024-01-01 --end 2024-01-04 --jobs 1 "$@"
	assert_status 137
}

@test "a dead run is closed as lost with counts that add up, and the same command completes the rest" {
	die try.result:6 --run-id first
	run strata run --start 2024-01-01 --end 2024-01-04 --run-id second
	assert_status 0
	assert_output_has "closed 1 run of a scheduler that died"
	[ "$(ask "SELECT state, result FROM strata.run WHERE run_id = 'first'")" = "done|failed" ]
	[ "$(ask "SELECT count(*) FROM strata.event WHERE run_id = 'first' AND object = 'run' AND cause = 'lost'")" = 1 ]
	[ "$(ask "SELECT counts->>'tasks', (counts->>'success')::int + (counts->>'canceled')::int + (counts->>'failed')::int FROM strata.run
		WHERE run_id = 'first'")" = "12|12" ]
	[ "$(ask "SELECT count(*) FROM strata.task WHERE state <> 'done'")" = 0 ]
	[ "$(ask "SELECT count(*) FROM strata.partition")" = 12 ]
	# Nothing was built twice: what was published and not recorded was found by its manifest.
	[ "$(ask "SELECT max(version) FROM strata.partition")" = 1 ]
	[ "$(plan_says --start 2024-01-01 --end 2024-01-04)" = "" ]
}

@test "an empty result that was published and not recorded is found, and not built again" {
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}' AND id > 5"
	STRATA_FAULT=try.result:1:kill run strata run ods_orders --date 2024-01-01
	strata -q run ods_orders --date 2024-01-01 > /dev/null
	STRATA_FAULT=try.result:1:kill run strata run dwd_orders --date 2024-01-01 --run-id dies
	assert_status 137
	run strata run dwd_orders --date 2024-01-01
	assert_status 0
	assert_output_has "0 to run, 1 fresh"
	[ "$(ask "SELECT result FROM strata.task WHERE run_id = 'dies'")" = empty ]
	[ "$(ask "SELECT empty, rows, version FROM strata.partition WHERE table_name = 'dwd.dwd_orders'")" = "t|0|1" ]
}

@test "--run-id of an unfinished run goes on with it, also with --force" {
	strata -q run --start 2024-01-01 --end 2024-01-04 > /dev/null
	die try.result:6 --force --run-id night
	run strata run --start 2024-01-01 --end 2024-01-04 --force --run-id night
	assert_status 0
	assert_output_has "run night goes on"
	assert_output_lacks "closed 1 run"
	[ "$(ask "SELECT state, result FROM strata.run WHERE run_id = 'night'")" = "done|success" ]
	# Each partition was built once by the first run and once by this one.
	[ "$(ask "SELECT min(version), max(version), count(*) FROM strata.partition WHERE run_id = 'night'")" = "2|2|12" ]
	[ "$(ask "SELECT count(*) FROM strata.task WHERE run_id = 'night' AND result = 'success'")" = 12 ]
	[ "$(ask "SELECT count(*) FROM strata.try WHERE state <> 'ended'")" = 0 ]
	run strata run --start 2024-01-01 --end 2024-01-04 --force --run-id night
	assert_status 2
	assert_output_has "there is a run 'night' already"
}

@test "tries of a run that goes on are numbered on, and its counts are of all that it did" {
	# Two schedulers die with tries under way; the third one ends the run.
	die try.result:6 --run-id night
	die journal.committed:6 --run-id night
	strata -q --output json run --start 2024-01-01 --end 2024-01-04 --run-id night > summary
	[ "$(ask "SELECT count(*) FROM (SELECT FROM strata.try WHERE run_id = 'night' GROUP BY table_name, partition
		HAVING min(try_no) <> 1 OR max(try_no) <> count(*) OR count(DISTINCT try_no) <> count(*)) q")" = 0 ]
	[ "$(ask "SELECT count(*) FROM strata.try WHERE run_id = 'night'")" -gt 12 ]
	# Of two tries each has its own log.
	[ "$(ask "SELECT count(*) - count(DISTINCT log_path) FROM strata.try WHERE run_id = 'night'")" = 0 ]
	[ "$(ask "SELECT count(*) FROM strata.task t WHERE run_id = 'night' AND tries <> (SELECT count(*) FROM strata.try y
		WHERE (y.run_id, y.table_name, y.partition) = (t.run_id, t.table_name, t.partition))")" = 0 ]
	[ "$(ask "SELECT tasks, fresh, counts->>'tasks', counts->>'success', (counts->>'tries')::int
		= (SELECT count(*) FROM strata.try WHERE run_id = 'night') FROM strata.run")" = "12|0|12|12|t" ]
	[ "$(json '[.tasks.success, .tasks.fresh, .published, .rows] | join(" ")' < summary)" = "12 0 12 20" ]
}

@test "a table that is never fresh is built once by a run that goes on" {
	project_file dags/dwd/dwd_made.sql <<< "SELECT now() AS made, '\${PARTITION_DATE}' AS day"
	die try.send:3 dwd_made --run-id night
	strata -q run dwd_made --start 2024-01-01 --end 2024-01-04 --run-id night > /dev/null
	[ "$(ask "SELECT count(*), max(version) FROM strata.partition")" = "4|1" ]
	[ "$(ask "SELECT count(*) FILTER (WHERE outcome = 'success'), min(counts->>'success'), min(counts->>'tasks')
		FROM strata.try JOIN strata.run USING (run_id)")" = "4|4|4" ]
	# Another run builds it again.
	strata -q run dwd_made --start 2024-01-01 --end 2024-01-04 > /dev/null
	[ "$(ask "SELECT count(*), max(version) FROM strata.partition")" = "4|2" ]
}

@test "an action that was done is not done again when its run goes on" {
	project_file tables.yaml <<< 'tables: {dwd_mail: {output: none}, dwd_after: {output: none}}'
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [ods], dws: [dwd], ads: [dws, dwd]}
		table_dependencies: {dwd: {dwd_after: [dwd_mail]}}
		sources:
		  ods_orders: {path: raw/orders, options: {columns: {id: BIGINT, amount: BIGINT}}}
	EOF
	for name in mail after; do
		project_file dags/dwd/dwd_$name.sh <<< "#!/bin/sh
			# \${PARTITION_DATE}
			echo $name \$STRATA_PARTITION_DATE >> said"
		chmod +x dags/dwd/dwd_$name.sh
	done
	STRATA_FAULT=try.send:4:kill run strata run dwd_mail dwd_after --start 2024-01-01 --end 2024-01-04 --jobs 1 --force --run-id night
	assert_status 137
	strata -q run dwd_mail dwd_after --start 2024-01-01 --end 2024-01-04 --jobs 1 --force --run-id night
	# What was under way when the scheduler died may have been done; what was recorded is done once.
	[ "$(sort -u said | wc -l)" = 8 ]
	[ "$(grep -c 'mail 2024-01-01' said)" = 1 ]
	[ "$(ask "SELECT count(*) FILTER (WHERE outcome = 'success'), min(counts->>'success'), min(counts->>'tasks')
		FROM strata.try JOIN strata.run USING (run_id)")" = "8|8|8" ]
	before=$(wc -l < said)
	# Another run does them again: that is what an action is for.
	strata -q run dwd_mail --date 2024-01-01
	[ "$(wc -l < said)" = $((before + 1)) ]
}

@test "a task that failed and has left the project when its run goes on is skipped, and the run ends" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT id, error('no') AS e FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	STRATA_FAULT=try.result:10:kill run strata run --start 2024-01-01 --end 2024-01-04 --jobs 1 --run-id night
	assert_status 137
	failed=$(ask "SELECT count(*) FROM strata.task WHERE result = 'failed'")
	[ "$failed" -gt 0 ]
	rm dags/dwd/dwd_bad.sql
	strata -q run --start 2024-01-01 --end 2024-01-04 --run-id night
	[ "$(ask "SELECT result FROM strata.run")" = success ]
	[ "$(ask "SELECT count(*) FROM strata.task WHERE table_name = 'dwd.dwd_bad' AND result <> 'skipped'")" = 0 ]
	[ "$(ask "SELECT count(*) FROM strata.task WHERE state <> 'done'")" = 0 ]
}

@test "an unfinished run goes on only as what it was asked to be" {
	die try.send:3 --run-id night
	run strata run --date 2024-01-01 --run-id night
	assert_status 2
	assert_output_has "was asked for with '--start 2024-01-01 --end 2024-01-04'"
	[ "$(ask "SELECT state FROM strata.run WHERE run_id = 'night'")" = running ]
	strata -q run --start 2024-01-01 --end 2024-01-04 --run-id night > /dev/null
	[ "$(ask "SELECT count(*) FROM strata.partition")" = 12 ]
}

@test "a recovery that dies is done again" {
	die try.result:6
	STRATA_FAULT=recover.looked:1:kill run strata run --start 2024-01-01 --end 2024-01-04
	assert_status 137
	STRATA_FAULT=recover.commit:1:kill run strata run --start 2024-01-01 --end 2024-01-04
	assert_status 137
	strata -q run --start 2024-01-01 --end 2024-01-04 > /dev/null
	[ "$(ask "SELECT count(*) FROM strata.run WHERE state <> 'done'")" = 0 ]
	[ "$(ask "SELECT max(version) FROM strata.partition")" = 1 ]
}

@test "staging that a worker left after its reply is swept by the next run; a failed check's stays" {
	project_file tables.yaml <<< 'tables: {dwd_orders: {primary_keys: [id]}}'
	project_file dags/dwd/dwd_orders.sql <<< "SELECT 1 AS id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	STRATA_FAULT=cleanup.remove:1:kill run strata run ods_orders --date 2024-01-01
	[ -n "$(ls .strata/staging)" ]
	run strata run ods_orders dwd_orders --date 2024-01-01
	assert_status 1
	[ "$(ls .strata/staging | wc -l)" = 1 ]
	kept=$(ls .strata/staging)
	strata -q run ods_orders --date 2024-01-02 > /dev/null
	[ "$(ls .strata/staging)" = "$kept" ]
}
