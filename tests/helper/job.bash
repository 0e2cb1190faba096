# One test program among others: where it may write, how long it may take, and what it did when it took too long.
# tests/run.sh sources this, and so does each of its jobs. Needs MODE, STRATA and the sanitizers' options.
#
# Limits are for hangs: several times what a program takes on two busy cores, and up to three times as long where many
# more want to compute. They end the program, not the test run.

BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-400}
export BATS_TEST_TIMEOUT

# job_log SOURCE: where the output of the program of that source goes; <log>.status has its status and seconds.
job_log() {
	local name=${1#tests/}
	echo "$PWD/build/$MODE/test/${name//\//_}.log"
}

# Folders for tests whose subject is not the disk: in memory where there is room, since hundreds of small clusters and
# lakes that are synced one by one wait for the disk more than they compute. And an initdb that copies.
job_places() {
	local base=${TMPDIR:-/tmp} free
	free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)
	[ -w /dev/shm ] && [ "${free:-0}" -gt 3000000 ] && base=/dev/shm
	STRATA_TEST_FOLDER=$(mktemp -d "$base/strata-test.XXXXXX")
	export STRATA_TEST_FOLDER
	mkdir "$STRATA_TEST_FOLDER"/{tmp,state,bin}
	chmod 755 "$STRATA_TEST_FOLDER" "$STRATA_TEST_FOLDER"/{state,bin}
	chmod 1777 "$STRATA_TEST_FOLDER/tmp"
	cp tests/helper/initdb "$STRATA_TEST_FOLDER/bin/initdb"
	local as=()
	[ "$(id -u)" != 0 ] || { chown postgres "$STRATA_TEST_FOLDER/bin"; as=(runuser -u postgres --); }
	(cd / && "${as[@]}" "$STRATA_TEST_FOLDER/bin/initdb" --make-template >/dev/null 2>&1) ||
		rm -f "$STRATA_TEST_FOLDER/bin/initdb"
}
job_places_remove() {
	[ -z "${STRATA_TEST_FOLDER:-}" ] || rm -rf "$STRATA_TEST_FOLDER"
}

# The processes below PID, itself first.
job_tree() {
	local child
	echo "$1"
	for child in $(ps -o pid= --ppid "$1"); do job_tree "$child"; done
}

# What each process below PID was doing.
job_stacks() {
	local pid program
	for pid in $(job_tree "$1"); do
		[ -r "/proc/$pid/cmdline" ] || continue
		echo "--- process $pid: $(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -c1-300)"
		echo "$(sed -n 's/^State:\t//p' "/proc/$pid/status"), in the kernel: $(cat "/proc/$pid/wchan" 2>/dev/null)"
		program=$(readlink "/proc/$pid/exe")
		[[ $program == "$PWD/build/"* ]] || continue
		if command -v gdb >/dev/null; then
			timeout -k 1 30 gdb -p "$pid" -batch -ex 'set pagination off' -ex 'thread apply all bt 20' 2>/dev/null | grep -E '^(Thread|#)'
		else
			cat "/proc/$pid/task"/*/stack 2>/dev/null
		fi
	done
}

# Ends after so many seconds, later on a machine that others use: a program that has no turn does not hang.
job_alarm() {
	sleep "$1"
	sleep "$(awk -v limit="$1" -v cores="$(nproc)" '{ f = $1 / (4 * cores) - 1; print int(limit * (f < 0 ? 0 : f > 2 ? 2 : f)) }' /proc/loadavg)"
}

# job_run SECONDS LOG COMMAND…: the status of the command, or 124 when it took too long; its stacks are in the log then.
job_run() {
	local limit=$1 log=$2 program alarm ended status=0 began=$SECONDS
	shift 2
	set -m # a process group each, so that all of it can be ended
	"$@" > "$log" 2>&1 &
	program=$!
	job_alarm "$limit" &
	alarm=$!
	set +m
	# shellcheck disable=SC2064 # these two
	trap "kill -TERM -- -$program -$alarm 2>/dev/null" EXIT
	wait -n -p ended "$program" "$alarm" || status=$?
	if [ "$ended" = "$alarm" ]; then
		{
			echo "--- $* did not end in $((SECONDS - began)) s"
			job_stacks "$program"
		} >> "$log" 2>&1
		kill -TERM -- -$program 2>/dev/null
		for _ in $(seq 100); do kill -0 "$program" 2>/dev/null || break; sleep 0.1; done
		kill -KILL -- -$program 2>/dev/null
		wait "$program" 2>/dev/null
		status=124
	else
		kill -TERM -- -$alarm 2>/dev/null
		wait "$alarm" 2>/dev/null
	fi
	trap - EXIT
	return $status
}

# job SOURCE: runs the program of that source.
job() {
	local log name=${1##*/} limit=180 command=() status=0 began=$SECONDS
	log=$(job_log "$1")
	# Whose subject is what a disk has after a run: first and recovery, and what tests the cluster itself.
	case $name in
	first.bats | recovery.bats) ;;
	*.bats | *.py) export TMPDIR=$STRATA_TEST_FOLDER/tmp STRATA_STATE_DIR=$STRATA_TEST_FOLDER/state ;;
	esac
	case $1 in
	tests/unit/* | tests/sim/*) command=("build/$MODE/${1%.c}") ;;
	tests/fuzz/*) name=${name#fuzz_}; command=("build/$MODE/${1%.c}" "tests/fuzz/corpus/${name%.c}") ;;
	*.bats) limit=600 command=(bats --tap "$1") ;;
	*.py)
		limit=600 command=(deps/venv/bin/python "$1")
		[ -n "${FAULT_LONG:-}" ] && limit=7200 command+=(--long) ;;
	esac
	# The sanitizers watch our code, at a third of the speed: fewer rounds of the same.
	[ "$MODE" != asan ] || export STRATA_PAIRS=${STRATA_PAIRS:-500} STRATA_MUTANTS=${STRATA_MUTANTS:-200} \
		STRATA_QUERIES=${STRATA_QUERIES:-100} SIM_STEPS=${SIM_STEPS:-1000000}
	case $1 in *.bats) [ "$name" = first.bats ] || PATH=$STRATA_TEST_FOLDER/bin:$PATH ;; esac
	job_run "${JOB_SECONDS:-$limit}" "$log" "${command[@]}" || status=$?
	echo "$status $((SECONDS - began))" > "$log.status"
}
