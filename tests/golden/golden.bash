# Golden text: what a command prints, compared with a file of tests/golden/expected.
#
#     load golden
#     @test "…" { strata help | golden help; }
#
# GOLDEN_UPDATE=1 tests/run.sh golden writes the files anew; the diff of the commit is then the review.

REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
STRATA=${STRATA:-$REPO/build/debug/strata}
unset STRATA_DB STRATA_LAKE STRATA_TIMEZONE ENV NO_COLOR COLUMNS
export TZ=UTC LC_ALL=C.UTF-8

strata() {
	"$STRATA" "$@" 3>&-
}

# A command as a person sees it: the line typed, stdout and stderr, and the status if it is not 0.
shown() {
	local status=0
	printf '$ %s\n' "$*"
	"$@" 2>&1 || status=$?
	[ $status = 0 ] || printf '[exit %s]\n' $status
}

# golden NAME < text
golden() {
	local expected=$BATS_TEST_DIRNAME/expected/$1.txt actual=$BATS_TEST_TMPDIR/$1.txt
	cat > "$actual"
	if [ -n "${GOLDEN_UPDATE:-}" ]; then
		cp "$actual" "$expected"
		return
	fi
	diff -u "$expected" "$actual" >&2
}
