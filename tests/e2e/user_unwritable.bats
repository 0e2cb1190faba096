#!/usr/bin/env bats
# A lake that cannot be written: what only looks works, what builds says so once and exits with 3.

load helper

setup() {
	project_shop
	LAKE=$BATS_TEST_TMPDIR/lake
	mkdir -p "$LAKE"
}

teardown() {
	chmod -R u+w "$LAKE"
	project_remove
}

# As root no mode keeps anyone from writing; a file where the folder should be does.
unwritable() {
	mkdir -p "$LAKE/.strata"
	: > "$LAKE/.strata/workers"
}

@test "validate, list and render look at a project whose lake cannot be written" {
	unwritable
	run -0 strata --lake "$LAKE" validate
	assert_output_has "3 tables in 4 layers: no problems"
	assert_output_lacks worker
	run -0 strata --lake "$LAKE" render dwd_orders --date 2024-01-01
	[ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'strata-look-*' -newer "$PROJECT/dags/dw_config.yaml")" ]
}

@test "a query says why it needs to write into the lake, and what can be done" {
	shop_days 1 1
	mv "$PROJECT/raw" "$LAKE/"
	strata --lake "$LAKE" run --date 2024-01-01
	mv "$LAKE/.strata/workers" "$LAKE/.strata/workers.away"
	unwritable
	run -3 strata --lake "$LAKE" sql 'SELECT * FROM dwd.dwd_orders'
	assert_output_has "strata: the lake '$LAKE' cannot be written, and a query keeps what it reads by links"
	assert_output_has "or read its Parquet files with any DuckDB"
	strata --lake "$LAKE" db stop
}

@test "a misspelt column is found there too" {
	unwritable
	project_file dags/dwd/dwd_orders.sql <<< "SELECT idd, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	run -2 strata --lake "$LAKE" validate
	assert_output_has 'dags/dwd/dwd_orders.sql:1:8: error: Referenced column "idd"'
}
