#!/usr/bin/env bats
# The README's first pages are true: what they type does what they say.
load helper

setup() { project_from_sample; }
teardown() { project_remove; }

# README_UPDATE=1 pastes what was printed; the diff is the review.
@test "the five minutes of the README, typed in a fresh copy of the sample project" {
	cp -r "$REPO/infra" "$PROJECT/"
	TZ=America/New_York python3 "$REPO/tests/helper/readme.py" "$REPO/README.md" "$PROJECT" "$STRATA" ${README_UPDATE:+--update} 3>&-
}
