# What validate, list, graph and render say of the small shop and of a broken one. No database runs here.
load golden

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	"$STRATA" init shop >/dev/null 2>&1
	cd shop || return 1
}

@test "validate, list and graph of a good project" {
	{
		shown strata validate
		shown strata list
		shown strata list +dwd_orders --exclude tag:daily
		shown strata list ads --output csv
		shown strata graph
		shown strata graph +ads_daily_sales --format dot
		shown strata graph +ads_daily_sales --format mermaid
		shown strata graph +ads_daily_sales --format json
	} | golden project
}

@test "render fills in the date and says where it cannot" {
	{
		shown strata render dwd_orders --date 2024-01-02
		shown strata render ods.ods_customers
		shown strata render dwd_ordrs
		shown strata render dwd_orders --date 2024-02-30
		shown strata render
	} | golden render
}

@test "what selects nothing, and what is no table" {
	{
		shown strata list dwd_ordrs
		shown strata list tag:none
		shown strata list dwd --exclude dwd_orders
	} | golden select
}

@test "a broken project: every problem in one pass, with its place" {
	sed -i 's/amount/amuont/' dags/ads/ads_daily_sales.sql
	sed -i 's/FROM ods.ods_orders/FROM ods.ods_ordres/' dags/dwd/dwd_orders.sql
	printf 'pols: {heavy: 2}\n' >> dags/dw_config.yaml
	echo "SELECT 1 AS one, \${WHEN} AS two" > dags/dwd/dwd_when.sql
	shown strata validate | golden broken
}

@test "a misspelt column is an error at its line, with candidates" {
	sed -i 's/sum(amount)/sum(amuont)/' dags/ads/ads_daily_sales.sql
	run strata validate
	[ "$status" = 2 ]
	[[ $output == *"dags/ads/ads_daily_sales.sql:2:"*"amuont"*"amount"* ]]
}

@test "validate for programs" {
	[ "$(strata validate --output json)" = "[]" ]
	sed -i 's/sum(amount)/sum(amuont)/' dags/ads/ads_daily_sales.sql
	run strata validate --output json
	[ "$status" = 2 ]
	[ "$(echo "$output" | jq -r '.[0] | "\(.level) \(.file) \(.line)"')" = "error dags/ads/ads_daily_sales.sql 2" ]
}

@test "warnings fail only with --strict" {
	printf 'SELECT 1 AS one\n' > dags/dwd/stray.sql
	run strata validate
	[ "$status" = 0 ]
	[[ $output == *"dags/dwd/stray.sql: warning: "* ]]
	run strata validate --strict
	[ "$status" = 2 ]
}

@test "a folder that is no project, and one that is not there" {
	mkdir ../empty
	run strata -C ../empty list
	[ "$status" = 2 ]
	[[ $output == *"dags"* ]]
	run strata -C ../none list
	[ "$status" = 2 ]
	[[ $output == *"../none"* ]]
}

@test "the sample project of this repository is without fault, strictly" {
	mkdir ../sample
	cp -r "$REPO/dags" "$REPO/tables.yaml" "$REPO/raw" ../sample/
	cd ../sample
	strata validate --strict
	[ "$(strata list --output json | jq length)" -ge 12 ]
}
