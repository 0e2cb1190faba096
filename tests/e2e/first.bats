# The newcomer's first minutes: init, the command that it prints, the data by somebody else's eyes, and again.
load helper

setup() {
	PROJECT=$BATS_TEST_TMPDIR/project
}

# A file younger than two seconds cannot be told from one that is still being written, so it is never fresh.
init_and_age() {
	"$STRATA" init "$PROJECT" 2>/dev/null
	while [ -n "$(find "$PROJECT/raw" -newerct '2 seconds ago' -print -quit)" ]; do sleep 0.05; done
}

teardown() {
	project_remove
}

@test "init, its first command, the data, and nothing to do the second time" {
	first=$(init_and_age)
	[ "$first" = "strata -C $PROJECT run --start 2024-01-01 --end 2024-01-03" ]
	read -ra words <<< "$first"
	run "$STRATA" "${words[@]:1}" 3>&-
	assert_status 0
	assert_output_has "11 success"

	cd "$PROJECT"
	[ "$(query "SELECT count(*), sum(amount) FROM read_parquet('dwd/dwd_orders/*/*.parquet')")" = "$(printf '8\t281.60')" ]
	[ "$(query "SELECT country FROM read_parquet('ads/ads_daily_sales/dt=2024-01-02/*.parquet')")" = "$(printf 'NL\nUS')" ]
	[ "$(query "SELECT customer FROM read_parquet('ads/ads_best_customers/*.parquet') LIMIT 1")" = Ada ]

	before=$(lake_listing)
	run strata run --start 2024-01-01 --end 2024-01-03
	assert_status 0
	assert_output_has "11 fresh"
	[ "$(lake_listing)" = "$before" ]
}

@test "one changed word of SQL rebuilds that table and its readers, no other" {
	init_and_age
	strata -q run --start 2024-01-01 --end 2024-01-03
	sed -i 's/c.country/upper(c.country) AS country/' "$PROJECT/dags/dwd/dwd_orders.sql"
	run strata plan --start 2024-01-01 --end 2024-01-03
	assert_status 0
	assert_output_has "sql changed"
	strata -q run --start 2024-01-01 --end 2024-01-03
	[ "$(strata tasks latest --output json | jq -r '[.[].table] | unique | join(" ")')" = \
		"ads.ads_best_customers ads.ads_daily_sales dwd.dwd_orders" ]
}

@test "a wrong query fails, says where, and the rest of the day is built" {
	init_and_age
	sed -i "s/CAST(o.ordered_at AS TIMESTAMP)/CAST('none' || o.ordered_at AS TIMESTAMP)/" "$PROJECT/dags/dwd/dwd_orders.sql"
	run strata run --date 2024-01-01
	assert_status 1
	assert_output_has "dwd.dwd_orders"
	[ -f "$PROJECT/ods/ods_orders/dt=2024-01-01/_SUCCESS" ]
	[ ! -e "$PROJECT/dwd/dwd_orders/dt=2024-01-01" ]
	[ "$(strata tasks latest --output json | jq -r '.[] | select(.table == "ads.ads_daily_sales").result')" = upstream_failed ]
}
