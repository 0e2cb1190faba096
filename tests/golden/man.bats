# The man pages and the scripts of completion, as 'make install' puts them down.
load golden

setup() {
	mkdir "$BATS_TEST_TMPDIR/man"
	cd "$BATS_TEST_TMPDIR" || return 1
	strata help --man man
}

@test "every page is right for man, groff and mandoc" {
	[ "$(find man -name 'strata*.1' | wc -l)" -ge 35 ]
	for page in man/*.1; do
		[ -z "$(mandoc -Tlint -W warning "$page")" ]
		[ -z "$(groff -man -ww -z "$page" 2>&1)" ]
		[ -z "$(LC_ALL=C tr -d '\11\12\40-\176' < "$page")" ]
		man -l "$page" > page.txt
		grep -q '^NAME' page.txt
		grep -q '^EXIT STATUS' page.txt
	done
}

@test "a page of each kind" {
	for page in strata strata-db-start strata-show; do
		mandoc -Tutf8 "man/$page.1" | col -bx
	done | golden man
}

@test "strata(1) names every command, topic and option, and each command has a page" {
	mandoc -Tutf8 man/strata.1 | col -bx > strata.txt
	strata help | sed -n '/^Options of every/,$d; s/^  \([a-z][a-z ]*[a-z]\)   *.*/\1/p' | while read -r name; do
		grep -q "strata-${name// /-}(1)" strata.txt
		[ -s "man/strata-${name// /-}.1" ]
	done
	for section in COMMANDS OPTIONS ENVIRONMENT FILES "EXIT STATUS" SELECTION DATES; do
		grep -q "^$section\$" strata.txt
	done
}

@test "make install puts programs, pages and completion where they are looked for" {
	cd "$REPO"
	mode=$(basename "$(dirname "$STRATA")")
	to=$BATS_TEST_TMPDIR/root
	env -u MAKEFLAGS -u MAKELEVEL make -s MODE="$mode" DESTDIR="$to" PREFIX=/usr install >&2
	for file in bin/strata bin/strata-worker share/man/man1/strata.1 share/man/man1/strata-run.1 \
		share/bash-completion/completions/strata share/zsh/site-functions/_strata share/fish/vendor_completions.d/strata.fish; do
		[ -s "$to/usr/$file" ] || { echo "$file is missing" >&2; return 1; }
	done
	bash -n "$to/usr/share/bash-completion/completions/strata"
	zsh -n "$to/usr/share/zsh/site-functions/_strata"
	fish -n "$to/usr/share/fish/vendor_completions.d/strata.fish"
}
