# strata init: what it writes and what it says.
load golden

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "init writes the shop and prints the first command" {
	{ shown strata init shop; (cd shop && find . -type f | LC_ALL=C sort); } | golden init
}

@test "init into the current folder names no folder" {
	mkdir here && cd here
	[ "$(strata init 2>/dev/null)" = "strata run --start 2024-01-01 --end 2024-01-03" ]
}

@test "the command that init prints can be typed, whatever the folder is called" {
	run strata init "it's a ☃"
	[[ ${lines[-1]} == "strata -C 'it'\\''s a ☃' run"* ]]
	eval "set -- ${lines[-1]}"
	[ -e "$3/dags/dw_config.yaml" ]
}

@test "init again changes nothing and succeeds" {
	strata init shop
	before=$(find shop -type f -exec sha256sum {} + | sort)
	run strata init shop
	[ "$status" = 0 ]
	[[ $output == *"is there already, and nothing was changed"* ]]
	[ "$(find shop -type f -exec sha256sum {} + | sort)" = "$before" ]
}

@test "init overwrites nothing of anybody's: it stops before it has written" {
	mkdir -p shop/dags
	echo "mine: yes" > shop/dags/dw_config.yaml
	run strata init shop
	[ "$status" = 2 ]
	[[ $output == *"'shop/dags/dw_config.yaml' exists already"* ]]
	[ "$(find shop -type f)" = shop/dags/dw_config.yaml ]
	[ "$(cat shop/dags/dw_config.yaml)" = "mine: yes" ]
}
