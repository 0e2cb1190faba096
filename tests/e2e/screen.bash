# A terminal of the test's own, by tmux: what is typed, and what a person then sees.
#
#     screen_open 80x24 [ARGUMENT…]     strata top in it
#     screen_keys j Enter               tmux's names of keys
#     screen_shows TEXT / screen_lacks TEXT   wait until it does
#     screen_is NAME                    to the letter, but for times: tests/e2e/screens/NAME.txt (GOLDEN_UPDATE=1 writes it)
#     screen_close                      in teardown

# A shop of five days with a schedule and a pool, and its first run.
screen_project() {
	project_shop
	shop_days 1 5
	cat >> dags/dw_config.yaml <<-'EOF'
		pools: {reports: 2}
		schedules:
		  nightly: {cron: '30 6 * * *', timezone: UTC, select: [+dws]}
	EOF
}
a_run() {
	strata -q backfill --run-id first --start 2024-01-01 --end 2024-01-05
}

terminal() {
	tmux -S "$BATS_TEST_TMPDIR/tmux" "$@" 3>&-
}

# SCREEN_ENV: what goes into the environment of the shell.
screen_open() { # WxH ARGUMENT…
	local size=$1
	shift
	printf '%s\n' 'PS1="$ "' "export LC_ALL=${SCREEN_LOCALE:-C.UTF-8} ${SCREEN_ENV:-STRATA=1}" "unset STRATA" > "$BATS_TEST_TMPDIR/rc"
	terminal -f /dev/null new-session -d -x "${size%x*}" -y "${size#*x}" -c "$PROJECT" "bash --rcfile '$BATS_TEST_TMPDIR/rc' --noprofile -i"
	terminal set-option -g mouse on
	screen_shows '$'
	terminal send-keys -l "'$STRATA' top $*; echo ended \$?"
	terminal send-keys Enter
	screen_shows "scheduler"
}

screen_keys() {
	terminal send-keys "$@"
}

screen_type() {
	terminal send-keys -l -- "$1"
}

# A click, as a terminal tells it; column and row from 1. tmux's own kind of terminal has the old form, a byte a number.
screen_click() { # COLUMN ROW
	local bytes
	printf -v bytes '\\x%x\\x%x' $((32 + $1)) $((32 + $2))
	terminal send-keys -l $'\e[M '"$(printf '%b' "$bytes")"
	terminal send-keys -l $'\e[M#'"$(printf '%b' "$bytes")"
}

screen() {
	terminal capture-pane -p
}

screen_has() {
	[[ $(screen) == *"$1"* ]]
}
screen_has_not() {
	! screen_has "$1"
}
screen_shows() {
	wait_until screen_has "$1" || { screen >&2; return 1; }
}
screen_lacks() {
	wait_until screen_has_not "$1" || { screen >&2; return 1; }
}

# Times of the clock and how long something took become the same everywhere, in as many columns.
screen_timeless() {
	screen | sed -E -e 's/[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}/MM-DD hh:mm:ss/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}/YYYY-MM-DD hh:mm:ss/g' \
		-e '1s/[0-9]{2}:[0-9]{2} ?$/hh:mm/; s/ *[0-9.]+ (ms|s|m [0-9]+ s)\b/ TIME/g; s/[░█]+/BAR/g; s/[▁▂▃▄▅▆▇]+/SPARK/g; s/w[0-9]+-[0-9a-f]{4}/WORKER/g' -e 's/ +$//'
}

screen_same() { # FILE
	screen_timeless | diff -q "$1" - >/dev/null
}

screen_is() { # NAME
	local file=$BATS_TEST_DIRNAME/screens/$1.txt
	if [ -n "${GOLDEN_UPDATE:-}" ]; then
		sleep 1 # whoever writes it looks at it
		mkdir -p "$(dirname "$file")"
		screen_timeless > "$file"
	fi
	wait_until screen_same "$file" || { screen_timeless | diff -u "$file" - >&2; return 1; }
}

server_is_gone() { # PID; one that only waits to be reaped is gone
	! readlink "/proc/$1/exe" >/dev/null
}
# Until it is gone: a client that comes while a server ends is told "server exited unexpectedly", by the socket of old.
screen_close() {
	local server
	server=$(terminal display-message -p '#{pid}' 2>/dev/null) || return 0
	terminal kill-server 2>/dev/null || true
	wait_until server_is_gone "$server"
}

screen_has_line_like() { # REGEX
	screen | grep -qE -- "$1"
}
