#!/usr/bin/env bats
# What a run does when the lake is taken from it.

load helper

teardown() { project_remove; }

# Programs that run until they get the file `go`, which only one of them can.
project_waiters() {
	project_empty
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {ads: []}'
	local name
	for name in a b c d e; do
		project_file "dags/ads/ads_$name.sh" <<-'EOF'
			#!/bin/sh
			echo >> started
			until mv go "went.$$" 2>/dev/null; do sleep 0.02; done
			echo n > "$STRATA_OUTPUT_DIR/n.csv"
			echo 1 >> "$STRATA_OUTPUT_DIR/n.csv"
		EOF
		chmod +x "dags/ads/ads_$name.sh"
	done
}

two_started() {
	[ "$(wc -l < started)" = 2 ]
}

@test "a run that loses its lake with tries still queued stops them all and says so" {
	project_waiters
	background run run --jobs 2 --date 2024-01-05
	wait_until test -e started
	wait_until two_started
	psql -qXAtc 'UPDATE strata.scheduler SET epoch = epoch + 1' "$(strata db start)"
	touch go
	background_end run
	[ "$status" -eq 5 ]
	[[ $output == *"another scheduler has taken the lake"* ]]
	[[ $output != *AddressSanitizer* ]]
}
