# Views and macros of catalog/migrations: whoever reads one reads its tables.
load helper

setup() {
	project_shop
	project_file catalog/migrations/0001_views.sql <<-'EOF2'
		-- for everyone
		CREATE SCHEMA analytics;
		CREATE VIEW analytics.big_orders AS SELECT * FROM dwd.dwd_orders WHERE amount > 50;
		CREATE VIEW analytics.busy (day, orders) AS
			SELECT dt, count(*) FROM analytics.big_orders GROUP BY dt;
		CREATE MACRO analytics.doubled(x) AS x * 2;
		CREATE MACRO analytics.orders_of(day) AS TABLE SELECT * FROM dwd.dwd_orders_dt(day);
		CREATE VIEW dwd.dwd_orders AS SELECT 1;
		CREATE TABLE mine AS SELECT 1 AS one;
	EOF2
	project_file dags/ads/ads_busy.sql <<< "SELECT day, analytics.doubled(orders) AS orders FROM analytics.busy"
	project_file dags/ads/ads_one_day.sql <<< "SELECT sum(amount)::BIGINT AS amount FROM analytics.orders_of('2024-01-02')"
}
teardown() {
	project_remove
}

days="--start 2024-01-01 --end 2024-01-03"

@test "a table reads through views and macros, its dependencies are their tables, and a changed view makes it stale" {
	shop_days 1 3
	raw_settle
	run -0 strata validate -v
	assert_output_has "catalog/migrations/0001_views.sql:8:1: note: skipped: that name is one of strata's tables"
	assert_output_has "catalog/migrations/0001_views.sql:9:1: note: skipped: only schemas, views, macros and comments"
	[ "$(strata --output json list ads_busy ads_one_day | json '.[] | "\(.table) \(.reads)"')" = 'ads.ads_busy ["dwd.dwd_orders"]
ads.ads_one_day ["dwd.dwd_orders"]' ]
	[ "$(strata --output json list +ads_busy | json '.[].table' | tr '\n' ' ')" = "ods.ods_orders dwd.dwd_orders ads.ads_busy " ]
	run strata graph ads_busy dwd_orders --format mermaid
	assert_output_has '-->'
	strata run $days
	[ "$(query "SELECT string_agg(day || '=' || orders, ' ' ORDER BY day) FROM 'ads/ads_busy/*.parquet'")" = "2024-01-01=2 2024-01-02=2 2024-01-03=2" ]
	[ "$(query "SELECT amount FROM 'ads/ads_one_day/*.parquet'")" = 102 ]
	assert_equal "$(plan_says $days)" ""
	[ "$(strata --output json sql 'SELECT sum(orders)::INT AS n FROM analytics.busy' | json '.[0].n')" = 3 ]
	[ "$(strata --output json preview ads_one_day | json '.[0].amount')" = 102 ]

	# The view is replaced as its migrations can be: by a further one.
	project_file catalog/migrations/0002_bigger.sql <<< "CREATE OR REPLACE VIEW analytics.big_orders AS SELECT * FROM dwd.dwd_orders WHERE amount > 1;"
	assert_equal "$(plan_says $days)" "ads.ads_busy  build sql changed"
	strata run $days
	[ "$(query "SELECT string_agg(day || '=' || orders, ' ' ORDER BY day) FROM 'ads/ads_busy/*.parquet'")" = "2024-01-01=2 2024-01-02=4 2024-01-03=4" ]
	assert_equal "$(plan_says $days)" ""

	# A comment changes nothing; a new date upstream does.
	project_file catalog/migrations/0003_words.sql <<< "-- nothing to do;"
	assert_equal "$(plan_says $days)" ""
	strata run dwd_orders --date 2024-01-02 --force
	assert_equal "$(plan_says ads_busy ads_one_day $days | cut -d' ' -f1,3-5)" "$(printf '%s\n' 'ads.ads_busy build upstream changed:' 'ads.ads_one_day build upstream changed:')"
}

@test "what is wrong in a view is told at its place in the migration, and its readers' columns are checked" {
	project_file catalog/migrations/0002_wrong.sql <<-'EOF2'
		CREATE VIEW analytics.wrong AS
			SELECT * FRM dwd.dwd_orders WHERE;
	EOF2
	run -2 strata validate
	assert_output_has "catalog/migrations/0002_wrong.sql:2:"
	rm catalog/migrations/0002_wrong.sql
	project_file dags/ads/ads_busy.sql <<< "SELECT hour, orders FROM analytics.busy"
	shop_days 1 1
	run -2 strata validate
	assert_output_has 'dags/ads/ads_busy.sql:1:8: error: Referenced column "hour" not found'
}
