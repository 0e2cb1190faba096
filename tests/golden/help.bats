# The help pages and the words of usage errors.
load golden

# The names of all commands and topics, from the overview itself.
pages() {
	strata help | sed -n '/^Options of every/,/^$/d; s/^  \([a-z][a-z ]*[a-z]\)   *.*/\1/p'
}

@test "the overview" {
	{ shown strata; shown strata help; } | golden overview
}

@test "a page for each command and topic" {
	[ "$(pages | wc -l)" -ge 7 ]
	pages | while read -r page; do
		# shellcheck disable=SC2086 # "db start" is two words
		shown strata help $page
		echo
	done | golden pages
}

@test "'COMMAND --help', '-h' and 'help COMMAND' are one page" {
	[ "$(strata init --help)" = "$(strata help init)" ]
	[ "$(strata init some where -h)" = "$(strata help init)" ]
	[ "$(strata -C /nowhere init -h)" = "$(strata help init)" ]
}

@test "every command has an example, and its example lines name strata" {
	pages | while read -r page; do
		# shellcheck disable=SC2086
		text=$(strata help $page)
		case $text in "strata $page:"*) ;; *) continue ;; esac
		echo "$text" | sed -n '/^Examples$/,/^$/p' | grep -q '^  strata ' || { echo "no example in '$page'"; exit 1; }
	done
}

@test "a narrow terminal has every page within its columns, all words and all examples" {
	for columns in 40 60; do
		pages | while read -r page; do
			# shellcheck disable=SC2086
			COLUMNS=$columns strata help $page > "$BATS_TEST_TMPDIR/narrow"
			# A word that is longer, and what is typed as it stands, are the exceptions.
			sed '/^Examples$/,/^$/d' "$BATS_TEST_TMPDIR/narrow" | awk -v n=$columns -v page="$page" \
				'length($0) > n && NF > 1 && !/^ *--|^ *-.,|^  [a-z_]/ { print page ": " $0; bad = 1 } END { exit bad }'
			diff <(tr -s ' \n' '\n' < "$BATS_TEST_TMPDIR/narrow") <(strata help $page | tr -s ' \n' '\n')
		done
	done
	diff <(COLUMNS=200 strata help run) <(strata help run)
}

@test "usage errors say what is wrong, what was meant, and exit with 2" {
	{
		shown strata initt
		shown strata frobnicate
		shown strata --verbos init
		shown strata init --forse
		shown strata init -x
		shown strata init one two
		shown strata version --output yaml
		shown strata version --output=jsn
		shown strata version --output
		shown strata version --quiet=yes
		shown strata help selections
		shown strata help none such
	} | golden usage
}

@test "the version, for people and for programs" {
	[[ $(strata --version) =~ ^strata\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$(strata -V)" = "$(strata version)" ]
	[ "$(strata version --output json | jq -r '.[0].name')" = strata ]
	[ "$(strata version -o csv | head -1)" = "name,version" ]
}

@test "lost output is an error; a reader that leaves early is none" {
	strata help > /dev/full 2>/dev/null && return 1
	strata help 2>&1 | head -1 | grep -q strata
}

@test "stdin, stdout or stderr that is closed is not given to a worker" {
	cd "$BATS_TEST_TMPDIR"
	strata init shop
	strata -C shop list < /dev/null > open.txt
	strata -C shop list <&- > closed.txt
	cmp open.txt closed.txt
	strata -C shop list 2>&- > closed.txt
	cmp open.txt closed.txt
	local status=0
	strata -C shop list >&- 2> error.txt || status=$?
	[ "$status" = 3 ]
	grep -q "cannot write the output" error.txt
}
