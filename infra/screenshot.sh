#!/usr/bin/env bash
# Make the README's pictures in docs/, terminals of 100 x 30. run.svg: the sample project is built, planned and, with a bad
# value in its RAW data, fails. top-overview.svg and top-map.svg: `strata top` beside a scheduler that works off a
# fortnight with that value in it. Real output of the real program; only times, and how far the fortnight is, differ from one making to
# the next.
#
#   infra/screenshot.sh [BUILD FOLDER] [FOLDER OF THE PICTURES]
#
# Works on a copy of the sample in a temporary folder, with a tmux server and a private Postgres of its own, which are
# stopped at the end. infra/screenshot.py turns the terminal's text and colours into SVG.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$(realpath "${1:-build/release}")
pictures=$(realpath -m "${2:-docs}")
strata=$build/strata
[ -x "$strata" ] || { echo "there is no $strata; make it first" >&2; exit 3; }
command -v tmux >/dev/null || { echo "tmux is missing; infra/setup.sh --tests installs it" >&2; exit 3; }

unset STRATA_DB STRATA_LAKE STRATA_TIMEZONE NO_COLOR TMUX
export LC_ALL=C.UTF-8 TZ=UTC STRATA_WORKER=$build/strata-worker
work=$(mktemp -d)
project=$work/sample
scheduler=
terminal() { tmux -S "$work/tmux" "$@"; }
clean_up() {
	[ -z "$scheduler" ] || { kill "$scheduler" 2>/dev/null && wait "$scheduler" || true; }
	terminal kill-server 2>/dev/null || true
	if [ -e "$project/.strata/lake.json" ]; then
		local data
		data=$("$strata" -C "$project" db status --output csv | sed -n 's/^data,//p')
		"$strata" -C "$project" db stop 2>/dev/null || true
		case $data in *"$(sed -n 's/.*"uuid": "\([^"]*\)".*/\1/p' "$project/.strata/lake.json")") rm -rf "$data" "$data.lock" ;; esac
	fi
	rm -rf "$work"
}
trap clean_up EXIT

mkdir "$project"
cp -r dags tables.yaml raw "$project/"
"$strata" -C "$project" db start >/dev/null 2>&1

mkdir -p "$pictures"
picture() { # NAME
	terminal capture-pane -e -p | python3 -B infra/screenshot.py 100 30 > "$work/$1.svg"
	mv "$work/$1.svg" "$pictures/$1.svg"
	echo "made $pictures/$1.svg ($(wc -c < "$pictures/$1.svg") bytes)"
}
shows() { # TEXT
	[[ $(terminal capture-pane -p) == *"$1"* ]]
}

printf '%s\n' "PS1='\[\e[1;32m\]\$\[\e[0m\] '" "PATH=$build:\$PATH" > "$work/rc"
terminal -f /dev/null new-session -d -x 100 -y 30 -c "$project" "bash --rcfile '$work/rc' --noprofile"
# A line has been worked when it stands there and the last line is nothing but the prompt.
type_line() {
	local screen=
	terminal send-keys -l "$1"
	terminal send-keys Enter
	until [[ $screen == *"\$ $1"*$'\n$' ]]; do screen=$(terminal capture-pane -p | grep -v '^$'); done
}
until [ "$(terminal capture-pane -p | grep -v '^$')" = '$' ]; do :; done
# RAW that changed less than two seconds ago counts as changing still; the picture is of a quiet project.
until [ -z "$(find "$project/raw" -newerct '2 seconds ago' -print -quit)" ]; do :; done
type_line "strata run --start 2013-01-01 --end 2013-01-13"
type_line "sed -i '4s/,[^,]*/,late/5' raw/daily/flights/dt=2013-01-14/flights.csv"
type_line "strata plan +ads_delay_league --date 2013-01-14"
type_line "strata run +ads_delay_league --date 2013-01-14"
picture run

"$strata" -C "$project" scheduler --jobs 1 >/dev/null 2>"$work/scheduler.log" &
scheduler=$!
until grep -q scheduler.ready "$work/scheduler.log"; do sleep 0.1; done
terminal send-keys -l "clear; strata top"
terminal send-keys Enter
until shows "scheduler up"; do sleep 0.1; done
backfill() {
	"$strata" -C "$project" backfill --force --continue-on-error --run-id "$1" --start 2013-01-01 --end 2013-01-14 --detach >/dev/null 2>&1
}
backfill two-weeks
until shows "running" && shows "▓▓▓" && shows "failed"; do :; done
picture top-overview
terminal send-keys 2
until shows KIND && terminal capture-pane -p | grep -q '^F two-weeks'; do sleep 0.1; done
terminal send-keys m
until shows "▾ ods"; do sleep 0.1; done
terminal send-keys q
backfill once-more
until shows "once-more"; do :; done
terminal send-keys g m
until shows " R" && [ "$(terminal capture-pane -p | grep -o ' S' | wc -l)" -gt 60 ]; do :; done
picture top-map
terminal send-keys Q
