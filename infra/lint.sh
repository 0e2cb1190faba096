#!/usr/bin/env bash
# What a machine can hold of our style: layering, banned calls, sizes, heads, scripts, cppcheck.
#
#   infra/lint.sh [NAME…]     all checks, or those whose name contains one of the words
#
# A check is a function that prints each offence as "file:line: what" and prints nothing when all is well.
# The last line is `lint: N checks passed, M failed`; the status is 1 if any failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export LC_ALL=C.UTF-8

mapfile -t files < <(git ls-files --cached --others --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done)
pick() { printf '%s\n' "${files[@]}" | grep -E "$1"; }
mapfile -t c_files < <(pick '\.[ch]$')
mapfile -t product_c < <(pick '^(base|core|executor|scheduler|cli|ui-tui)/.*\.[ch]$')
mapfile -t scripts < <(pick '\.(sh|bash)$|^\.ci/run$')
mapfile -t texts < <(pick '\.(c|h|sh|bash|bats|sql|md|yaml|yml|mk|py)$|^Makefile$|^\.ci/run$' | grep -v '^tests/golden/')

# find PATTERN WHAT FILE… : every matching line is an offence.
find_lines() {
	local pattern=$1 what=$2
	shift 2
	[ $# -gt 0 ] || return 0
	grep -nHE -e "$pattern" -- "$@" | sed "s|^\([^:]*:[0-9]*\):.*|\1: $what|"
}

# The code without comments and string literals, so that prose may name what code may not call.
bare() {
	awk '
	{
		line = $0; out = ""; n = length(line)
		for (i = 1; i <= n; i++) {
			c = substr(line, i, 1); two = substr(line, i, 2)
			if (comment) { if (two == "*/") { comment = 0; i++ }; continue }
			if (quote != "") { if (c == "\\") i++; else if (c == quote) quote = ""; continue }
			if (two == "/*") { comment = 1; i++; continue }
			if (two == "//") break
			if (c == "\"" || c == "\047") { quote = c; out = out c; continue }
			out = out c
		}
		quote = ""
		print FILENAME ":" FNR ": " out
	}
	FNR == 1 && NR != 1 { comment = 0 }' "$@"
}

# Which folder may include which: one line a rule, "folder: what it may include".
check_layering() {
	awk '
	BEGIN {
		may["base"] = "base"
		may["core"] = "base core"
		may["executor"] = "base core executor"
		may["scheduler"] = "base core scheduler"
		may["ui-tui"] = "base core scheduler ui-tui"
		may["cli"] = "base core scheduler ui-tui cli"
	}
	match($0, /^#include "[^"]+\//) {
		split(FILENAME, at, "/"); from = at[1]
		target = $2; gsub(/"/, "", target); split(target, to, "/")
		if (!(from in may) || !(to[1] in may)) next
		if (index(" " may[from] " ", " " to[1] " ") == 0)
			print FILENAME ":" FNR ": " from " may not include " target
	}' "${product_c[@]}"
	mapfile -t outside < <(printf '%s\n' "${product_c[@]}" | grep -v '^executor/')
	find_lines '#include.*duckdb\.h' "only executor may use DuckDB" "${outside[@]}"
}

check_core_is_pure() {
	mapfile -t core < <(printf '%s\n' "${product_c[@]}" | grep '^core/')
	[ ${#core[@]} -gt 0 ] || return 0
	find_lines '#include *<(unistd|fcntl|dirent|poll|signal|uv|libpq-fe|curl/.*|git2|duckdb|sys/(socket|stat|file|wait|mman))\.h>' \
		"core does no I/O" "${core[@]}"
	find_lines '#include "base/(file|clock|log)\.h"' "core does no I/O and reads no clock" "${core[@]}"
	bare "${core[@]}" | grep -E '[^a-zA-Z0-9_>.](fopen|open|read|write|time|gettimeofday|clock_gettime|clock|localtime|getenv|rand|printf|puts)\(' |
		sed -E 's/^([^:]*:[0-9]*):.*[^a-zA-Z0-9_>.]((fopen|open|read|write|time|gettimeofday|clock_gettime|clock|localtime|getenv|rand|printf|puts)\().*/\1: core may not call \2)/'
}

check_banned_calls() {
	bare "${c_files[@]}" | grep -E '[^a-zA-Z0-9_>.](sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|atoi|atol|atof|gets|system|popen|alloca|tmpnam|mktemp)\(' |
		sed -E 's/^([^:]*:[0-9]*):.*[^a-zA-Z0-9_>.](sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|atoi|atol|atof|gets|system|popen|alloca|tmpnam|mktemp)\(.*/\1: banned call \2()/'
}

check_file_size() {
	awk 'FNR == 601 { print FILENAME ":601: longer than 600 lines" }' "${c_files[@]}" "${scripts[@]}"
}

check_head_comment() {
	for f in "${c_files[@]}"; do
		[ "$(head -c 2 "$f")" = "/*" ] || echo "$f:1: no comment that says what the file is for"
	done
}

check_include_guard() {
	mapfile -t headers < <(printf '%s\n' "${c_files[@]}" | grep '\.h$')
	for f in "${headers[@]}"; do
		guard=STRATA_$(printf '%s' "$f" | tr 'a-z/.-' 'A-Z___')
		case $f in tests/*) guard='[A-Z_]*_H' ;; esac
		{ grep -q "^#ifndef $guard\$" "$f" && grep -q "^#define $guard\$" "$f"; } || echo "$f:1: include guard is not $guard"
	done
}

check_whitespace() {
	find_lines '[ 	]+$' "trailing blanks" "${texts[@]}"
	awk 'FNR > 1 && before ~ /\{$/ && /^ +[^ *]/ { print FILENAME ":" FNR ": indented with blanks, not tabs" } { before = $0 }' "${c_files[@]}"
	find_lines $'^ +\t' "a tab after blanks" "${c_files[@]}"
	for f in "${texts[@]}"; do
		[ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at the end"
	done
}

# Words are split here so that this file does not find itself.
check_leftovers() {
	find_lines "(^|[^A-Z])(TO""DO|FIX""ME|XX""X|HA""CK)([^A-Z]|\$)" "unfinished work" "${texts[@]}"
	find_lines "(/ro""ot/|/wo""rk/)" "a path of one machine" "${texts[@]}"
	find_lines "(pr""oxy\.golang\.org|pypi\.o""rg|registry\.npm""js|deb\.deb""ian\.org)" "a host name of a package registry" "${texts[@]}"
}

check_scripts() {
	for f in "${scripts[@]}"; do
		bash -n "$f" 2>&1
	done
	if command -v shellcheck >/dev/null; then
		shellcheck -S warning -x -f gcc "${scripts[@]}"
	fi
}

# What the docs name must exist: paths in backquotes (globs too) and relative links. ARCHITECTURE.md names every file of
# the product, TESTING.md every fault point, and nothing else.
check_docs() {
	local f line path points
	mapfile -t pages < <(pick '^(README\.md|bench/README\.md|docs/.*\.md)$')
	while IFS=: read -r f line path; do
		compgen -G "$path" >/dev/null || echo "$f:$line: there is no $path"
	done < <(grep -noHE '`(base|core|executor|scheduler|ui-tui|cli|sql|infra|tests|bench|docs|\.ci)/[^` <]*`' "${pages[@]}" | tr -d '`')
	while IFS=: read -r f line path; do
		path=${path#](} path=${path%)}
		[ -e "$(dirname "$f")/${path%%#*}" ] || echo "$f:$line: broken link to $path"
	done < <(grep -noHE '\]\([^)#:]+(#[^)]*)?\)' "${pages[@]}")

	mapfile -t named < <(grep -oE '`[a-z-]+/[^` ]*\.(\[ch\]|c|h)`' docs/ARCHITECTURE.md | tr -d '`')
	printf '%s\n' "${product_c[@]}" | grep -vxFf <(for path in "${named[@]}"; do compgen -G "$path"; done) |
		sed 's|$|:1: docs/ARCHITECTURE.md does not name it|'
	points=$(grep -ohE 'FAULT\("[a-z_.]+"\)' "${product_c[@]}" | sed 's/.*"\(.*\)".*/\1/' | sort -u)
	diff <(echo "$points" | grep -v '^name$') <(sed -n '/^## Fault points/,$p' docs/TESTING.md | grep '^|' | grep -oE '`[a-z]+\.[a-z_]+`' | tr -d '`' | grep -v '\.duckdb$' | sort -u) |
		sed -n 's/^< \(.*\)/docs\/TESTING.md:1: fault point \1 is not named/p; s/^> \(.*\)/docs\/TESTING.md:1: there is no fault point \1/p'
}

# The Makefile's flags, without code generation: a warning is an error in every mode's build as well.
check_cppcheck() {
	command -v cppcheck >/dev/null || { echo "infra/lint.sh: cppcheck is not installed; infra/setup.sh --tests"; return; }
	mkdir -p build/cppcheck
	mapfile -t sources < <(printf '%s\n' "${product_c[@]}" | grep '\.c$')
	cppcheck --quiet -j "$(nproc)" --std=c11 --language=c -I. --cppcheck-build-dir=build/cppcheck \
		--enable=warning,performance,portability --inline-suppr --suppressions-list=infra/cppcheck.suppressions \
		-DSTRATA_VERSION='"0"' -D__linux__ --include=infra/cppcheck.h --template='{file}:{line}: {severity}: {message} [{id}]' "${sources[@]}" 2>&1
}

# What the other compiler warns of: the fuzzers are built with it, and it is the one of many who build the product.
check_clang() {
	command -v clang >/dev/null || { echo "infra/lint.sh: clang is not installed; infra/setup.sh --tests"; return; }
	make -s MODE=fuzz clang-check 2>&1 | grep -E '(error|warning|\*\*\*)'
}

passed=0 failed=0
for check in $(compgen -A function check_); do
	name=${check#check_}
	if [ $# -gt 0 ]; then
		wanted=0
		for word in "$@"; do [[ $name == *"$word"* ]] && wanted=1; done
		[ $wanted = 1 ] || continue
	fi
	offences=$($check)
	if [ -z "$offences" ]; then
		echo "ok     $name"
		passed=$((passed + 1))
	else
		printf '%s\n' "$offences"
		echo "FAILED $name ($(printf '%s\n' "$offences" | wc -l))"
		failed=$((failed + 1))
	fi
done
echo "lint: $passed checks passed, $failed failed"
[ $failed = 0 ]
