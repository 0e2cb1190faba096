# db rebuild and db adopt: the state's index comes back from the lake, whatever became of the database.
load helper

setup() {
	project_shop
	shop_days 1 5
	shop_raw 2024-01-03 # no orders: an empty partition
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/ads/ads_all.sql <<< "SELECT dt, orders FROM dws.dws_week"
	raw_settle
	strata -q run --start 2024-01-01 --end 2024-01-05 > /dev/null
}

teardown() { project_remove; }

state() { # what the index says, without what only history knows
	psql -XAtc "SELECT table_name, partition, grain, version, fence, try_id, run_id, empty, rows, bytes, files, fingerprint, schema
		FROM strata.partition ORDER BY 1, 2" "$(strata db start)"
	psql -XAtc "SELECT fence, up_table, up_partition, up_version, up_identity FROM strata.lineage ORDER BY 1, 2, 3" "$(strata db start)"
	psql -XAtc "SELECT table_name, schema, schema_fence FROM strata.table_stat ORDER BY 1" "$(strata db start)"
}

lose_database() {
	psql -XqAtc "DROP SCHEMA strata CASCADE" "$(strata db start)" 2>/dev/null
}

@test "after the database is lost, db rebuild makes everything fresh, empty partitions too" {
	before=$(state)
	listing=$(lake_listing)
	[ "$(psql -XAtc 'SELECT count(*) FROM strata.partition WHERE empty' "$(strata db start)")" -ge 1 ]
	lose_database
	strata db rebuild -o json > "$BATS_TEST_TMPDIR/report"
	assert_equal "$(state)" "$before"
	[ "$(json '.[0] | "\(.removed) \(.changed) \(.damaged)"' < "$BATS_TEST_TMPDIR/report")" = "0 0 0" ]
	[ "$(json '.[0].added' < "$BATS_TEST_TMPDIR/report")" = 16 ]
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-05)" ""
	run strata run --start 2024-01-01 --end 2024-01-05
	assert_status 0
	assert_output_has "0 to run, 16 fresh"
	assert_equal "$(lake_listing)" "$listing"
	# Fences go on above the lake's.
	strata -q run dwd_orders --date 2024-01-01 --force > /dev/null
	[ "$(manifest dwd/dwd_orders/dt=2024-01-01 .version)" = 2 ]
}

@test "--dry-run changes nothing; what is recorded and not published goes, what is published comes" {
	conninfo=$(strata db start)
	psql -XqAtc "UPDATE strata.partition SET try_id = gen_random_uuid() WHERE table_name = 'dwd.dwd_orders' AND partition = '2024-01-01'" "$conninfo"
	psql -XqAtc "DELETE FROM strata.partition WHERE table_name = 'dws.dws_week'" "$conninfo"
	rm -r ods/ods_orders/dt=2024-01-02
	before=$(state)
	[ "$(strata db rebuild --dry-run -o json | json '.[0] | "\(.added) \(.changed) \(.removed)"')" = "5 1 1" ]
	assert_equal "$(state)" "$before"
	strata -q db rebuild > /dev/null
	[ "$(strata db rebuild --dry-run -o json | json '.[0] | "\(.added) \(.changed) \(.removed)"')" = "0 0 0" ]
	[ "$(plan_says ods --start 2024-01-01 --end 2024-01-05)" = "ods.ods_orders 2024-01-02 build new" ]
}

@test "a damaged partition is named and left out, and the next run builds it" {
	truncate -s 10 dwd/dwd_orders/dt=2024-01-04/*.parquet
	lose_database
	run strata db rebuild
	assert_status 0
	assert_output_has "'dwd/dwd_orders/dt=2024-01-04' is left out"
	strata -q run --start 2024-01-01 --end 2024-01-05 > /dev/null
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-05)" ""
}

@test "a rebuild that dies before its commit has changed nothing, and goes again" {
	before=$(state)
	psql -XqAtc "DELETE FROM strata.partition" "$(strata db start)"
	empty=$(state)
	STRATA_FAULT=rebuild.commit:1:kill run strata db rebuild
	assert_status 137
	assert_equal "$(state)" "$empty"
	STRATA_FAULT=rebuild.commit:1:error run strata db rebuild
	assert_status 3
	strata -q db rebuild > /dev/null
	assert_equal "$(state)" "$before"
}

@test "db adopt takes a copied lake over: a new identity, this host, and everything is fresh" {
	uuid=$(json .uuid < .strata/lake.json)
	copy=$BATS_TEST_TMPDIR/copy
	cp -a "$PROJECT" "$copy"
	rm -rf "$copy/.strata/pg"
	jq '.host = "elsewhere"' "$copy/.strata/lake.json" > "$copy/lake.json" && mv "$copy/lake.json" "$copy/.strata/lake.json"
	original=$PROJECT
	strata db stop
	PROJECT=$copy
	run strata db adopt --new-identity
	assert_status 0
	assert_output_has "the lake was of host 'elsewhere' and is of '$(hostname)' now"
	[ "$(json .host < "$copy/.strata/lake.json")" = "$(hostname)" ]
	[ "$(json .uuid < "$copy/.strata/lake.json")" != "$uuid" ]
	# RAW has other inodes there; what is made of tables only is fresh.
	assert_equal "$(plan_says dwd --start 2024-01-01 --end 2024-01-05)" ""
	project_remove
	PROJECT=$original
}

@test "beside a run they exit with 5" {
	mkfifo "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/go"
	project_file dags/ods/ods_slow.sh <<-END
		#!/bin/sh
		echo started > "$BATS_TEST_TMPDIR/started"
		read -r _ < "$BATS_TEST_TMPDIR/go"
		printf 'id\n1\n' > "\$STRATA_OUTPUT_DIR/a.csv"
	END
	chmod +x dags/ods/ods_slow.sh
	background slow -q run ods_slow
	read -r _ < "$BATS_TEST_TMPDIR/started"
	run strata db rebuild
	assert_status 5
	assert_output_has "which may be publishing"
	echo go > "$BATS_TEST_TMPDIR/go"
	background_end slow
	assert_status 0
}

@test "a fence that only a lock keeps is known after db rebuild" {
	[ -n "$(find .strata/empty -name '*.json')" ]
	lose_database
	rm -r .strata/empty
	strata db rebuild
	run strata run --start 2024-01-01 --end 2024-01-05
	assert_status 0
}

@test "the fence of a damaged partition is known after db rebuild" {
	newest=$(find ads -name manifest.json | xargs jq -r '"\(.fence) \(input_filename)"' | sort -n | tail -1 | cut -d' ' -f2)
	jq '.fence += 1000' "$newest" > "$BATS_TEST_TMPDIR/newer" # by a scheduler with another database
	cp "$BATS_TEST_TMPDIR/newer" "$newest"
	rm "$(dirname "$newest")"/*.parquet
	run strata db rebuild
	assert_output_has "a file that it lists is missing"
	run strata run --start 2024-01-01 --end 2024-01-05
	assert_status 0
}

@test "a table that has left the project is named, recorded, and stays until it is cleared" {
	project_file dags/ads/ads_none.sql <<< "SELECT dt FROM dws.dws_week WHERE orders < 0" # only a record tells of it
	strata -q run ads_none --date 2024-01-05 > /dev/null
	before=$(state)
	listing=$(lake_listing)
	rm dags/ads/ads_all.sql dags/ads/ads_none.sql
	mkdir -p foreign/table/dt=2024-01-01 # somebody else's: another manifest, or none
	echo '{"dest": "somewhere.else"}' > foreign/table/dt=2024-01-01/manifest.json
	lose_database
	run strata db rebuild
	assert_status 0
	assert_output_has "'ads.ads_all' is published and no file of the project builds it; it is recorded and stays until 'strata clear --data ads.ads_all'"
	assert_output_has "'ads.ads_none' is published"
	assert_output_lacks foreign
	assert_equal "$(state)" "$before"
	rm -r foreign
	assert_equal "$(lake_listing)" "$listing"
	strata clear --data ads.ads_all --yes
	[ ! -e ads/ads_all/manifest.json ]
	run strata db rebuild
	assert_output_lacks ads_all
}

@test "lineage of a manifest that is longer than a line comes back as a whole" {
	manifest=ads/ads_all/manifest.json
	jq '.inputs += [range(12000) | {table: "dws.dws_week", partition: "p\(.)", version: 1, try_id: "00000000-0000-0000-0000-000000000000"}]' \
		$manifest > longer && mv longer $manifest
	[ "$(stat -c %s $manifest)" -gt 1048576 ]
	inputs=$(json '.inputs | length' < $manifest)
	strata -q db rebuild > /dev/null
	[ "$(psql -XAtc "SELECT count(*), count(*) FILTER (WHERE l.up_partition LIKE 'p%') FROM strata.lineage l JOIN strata.partition p
		USING (lake_id, fence) WHERE p.table_name = 'ads.ads_all'" "$(strata db start)")" = "$inputs|12000" ]
}
