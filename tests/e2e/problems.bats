# How problems of the project and of the command line are told: to a person, to a CI, and what was meant.
load helper

setup() {
	project_shop
}
teardown() {
	schedulers_remove
}

# at_terminal ARGUMENT…: what strata prints on a terminal of 60 columns.
at_terminal() {
	script -qec "stty cols 60; '$STRATA' -C '$PROJECT' $*" /dev/null 3>&- | tr -d '\r'
}

@test "on a terminal the line of the file stands below its problem, with a caret; off it a problem is a line" {
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amuont FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	echo "nonsense: 1" >> dags/dw_config.yaml
	for command in validate "plan --date 2024-01-01" "run --date 2024-01-01"; do
		output=$(NO_COLOR=1 at_terminal "$command" || true)
		[[ $output == *$'dags/dw_config.yaml:4:1: error: unknown key \'nonsense\''*$'\n        4 | nonsense: 1\n            ^\n'* ]]
	done
	[[ $(at_terminal validate || true) == *$'\e[31m^\e[0m'* ]]
	sed -i /nonsense/d dags/dw_config.yaml
	output=$(NO_COLOR=1 at_terminal validate || true)
	[[ $output == *$'dwd_orders.sql:1:12: error: '*$'\n        1 | SELECT id, amuont FROM ods.ods_orders WHERE dt'*$'\n                       ^\n'* ]]
	run -2 strata validate
	[ "${#lines[@]}" = 2 ]
	run -2 strata validate -v
	assert_output_has "        1 | SELECT id, amuont FROM"
}

@test "an error of a query that was typed has its line, too" {
	shop_days 1 1
	strata run --date 2024-01-01
	output=$(NO_COLOR=1 at_terminal sql "'SELECT nope FROM dwd.dwd_orders'" || true)
	[[ $output == *$'        1 | SELECT nope FROM dwd.dwd_orders\n                   ^\n'*"strata: "* ]]
	run --separate-stderr strata sql 'SELECT nope FROM dwd.dwd_orders'
	[[ $stderr != *"^"* ]]
}

@test "in GitHub's CI problems are annotations of their files, as seen from the repository" {
	echo "nonsense: 1" >> dags/dw_config.yaml
	project_file dags/dwd/odd.sql <<< "SELECT 1"
	export GITHUB_ACTIONS=true GITHUB_WORKSPACE=$BATS_TEST_TMPDIR
	run -2 --separate-stderr strata validate
	grep -q '^::error file=project/dags/dw_config.yaml,line=4,col=1::unknown key ' <<< "$stderr"
	grep -q '^::warning file=project/dags/dwd/odd.sql::' <<< "$stderr"
	run -2 --separate-stderr strata validate --output json
	jq -e 'length == 2' <<< "$output"
	grep -q '^::error file=project/' <<< "$stderr"
	run -2 --separate-stderr strata run --date 2024-01-01
	grep -q '^::error file=project/' <<< "$stderr"
	GITHUB_WORKSPACE='' run -2 --separate-stderr strata validate
	grep -q '^::error file=dags/dw_config.yaml,' <<< "$stderr"
}

# meant WORD ARGUMENT…: status 2, one line that names it, and nothing on stdout.
meant() {
	local word=$1
	shift
	run -2 --separate-stderr strata "$@"
	[ -z "$output" ]
	[ "$(grep -c '^strata: ' <<< "$stderr")" = 1 ]
	[[ $stderr == *"did you mean '$word'?"* ]] || { echo "strata $*: $stderr" >&2; return 1; }
}

@test "what was meant is said of every kind of name" {
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd]}
		callbacks:
		  oncall: {command: 'true'}
	EOF
	shop_days 1 1
	strata -q run --date 2024-01-01 --run-id morning
	meant validate valdate
	meant "db start" db strat
	meant --strict validate --stritc
	meant json list --output jsn
	meant failed tasks --result faild
	meant selection help selektion
	meant fish completion fihs
	meant runs top rusn
	meant dwd_orders list dwd_order
	meant dwd_orders list --exclude dwd_order
	meant dwd_orders run dwd_order --date 2024-01-01
	meant dwd_orders render dwd_order
	meant dwd_orders preview dwd_order
	meant dwd_orders lineage dwd_order
	meant dwd_orders history dwd_order
	meant dwd_orders clear --data dwd_order --yes
	meant dwd_orders show latest dwd_order
	meant dwd_orders logs latest dwd_order@2024-01-01
	meant dwd_orders explain latest dwd_order@2024-01-01
	meant oncall callbacks oncal
	meant oncall callbacks test oncal
	meant morning show mornign
	meant latest tasks lastest
	meant nightly pause nigthly
	meant nightly trigger nigthly
	scheduler_up one
	meant nightly pause nigthly
	meant nightly unpause nigthly
	scheduler_down one
}

@test "history is a table's builds, newest first, also of a table that has left the project" {
	shop_days 1 2
	strata -q run --start 2024-01-01 --end 2024-01-02 --run-id first
	strata -q run dwd_orders --date 2024-01-02 --force --run-id second
	[ "$(strata history dwd_orders -o json | jq -r 'map("\(.run) \(.partition) \(.rows)") | join(", ")')" = \
		"second 2024-01-02 2, first 2024-01-02 2, first 2024-01-01 2" ] ||
		[ "$(strata history dwd_orders -o json | jq -r 'map("\(.run) \(.partition) \(.rows)") | join(", ")')" = \
		"second 2024-01-02 2, first 2024-01-01 2, first 2024-01-02 2" ]
	[ "$(strata history dwd_orders -n 1 -o csv | tail -1 | cut -d, -f2,3,6)" = "2024-01-02,2,second" ]
	rm dags/dwd/dwd_orders.sql dags/dws/dws_week.sql
	[ "$(strata history dwd.dwd_orders -o json | jq length)" = 3 ]
}

@test "a table that has left the project is found by its short name, too" {
	shop_days 1 1
	strata -q run --date 2024-01-01 --run-id first
	rm dags/dwd/dwd_orders.sql dags/dws/dws_week.sql
	[ "$(strata history dwd_orders -o json | jq length)" = 1 ]
	[ "$(strata lineage dwd_orders -o json | jq length)" = 1 ]
	run -0 strata show first dwd_orders@2024-01-01
	assert_output_has "dwd.dwd_orders 2024-01-01, try 1: ended, success"
	run -0 strata logs first dwd_orders@2024-01-01
	run -0 strata explain first dwd_orders
	assert_output_has "dwd.dwd_orders 2024-01-01 is done: success"
	run -2 strata show first dwd_nothing
	run -0 strata clear --data dwd_orders --yes
	[ ! -e dwd/dwd_orders ]
	run -2 strata clear --data dwd_orders --yes
	assert_output_has "there is no table 'dwd_orders'"
}
