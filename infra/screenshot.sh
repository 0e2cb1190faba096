#!/usr/bin/env bash
# Make docs/run.svg: a terminal of 100 x 30 in which the sample project is built, planned and, with a bad value in its
# RAW data, fails. Real output of the real program; only durations and the time of day differ from one making to the next.
#
#   infra/screenshot.sh [BUILD FOLDER] [SVG]
#
# Works on a copy of the sample in a temporary folder, with a tmux server and a private Postgres of its own, which are
# stopped at the end. infra/screenshot.py turns the terminal's text and colours into SVG.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$(realpath "${1:-build/release}")
svg=$(realpath -m "${2:-docs/run.svg}")
strata=$build/strata
[ -x "$strata" ] || { echo "there is no $strata; make it first" >&2; exit 3; }
command -v tmux >/dev/null || { echo "tmux is missing; infra/setup.sh --tests installs it" >&2; exit 3; }

unset STRATA_DB STRATA_LAKE STRATA_TIMEZONE NO_COLOR TMUX
export LC_ALL=C.UTF-8 TZ=UTC STRATA_WORKER=$build/strata-worker
work=$(mktemp -d)
project=$work/sample
terminal() { tmux -S "$work/tmux" "$@"; }
clean_up() {
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
terminal capture-pane -e -p | python3 -B infra/screenshot.py 100 30 > "$work/run.svg"
mkdir -p "$(dirname "$svg")"
mv "$work/run.svg" "$svg"
echo "made $svg ($(wc -c < "$svg") bytes)"
