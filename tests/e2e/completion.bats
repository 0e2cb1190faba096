# What the key for completion gives in the real shells.
load helper

setup() {
	project_shop
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd]}
	EOF
	project_file tables.yaml <<-'EOF'
		tables:
		  dwd_orders: {description: 'Orders, cleaned', tags: [daily]}
	EOF
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec "%s" "$@" 3>&-\n' "$STRATA" > "$BATS_TEST_TMPDIR/bin/strata"
	chmod +x "$BATS_TEST_TMPDIR/bin/strata"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}
teardown() {
	project_remove
}

# bash_completes LINE: the line as readline leaves it after the key, in a bash at a terminal of its own.
bash_completes() {
	python3 - "$1" <<-'EOF'
		import os, pty, select, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.environ.update(TERM="dumb", PS1="", COLUMNS="200")
		    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
		seen = b""
		def until(word):
		    global seen
		    while word not in seen:
		        if not select.select([fd], [], [], 30)[0]:
		            sys.exit("no %r in %r" % (word, seen))
		        seen += os.read(fd, 4096)
		    seen = seen.split(word, 1)[1]
		os.write(fd, b"PS1=; bind 'set enable-bracketed-paste off'; source <(strata completion bash); echo re''ady\n")
		until(b"ready\r\n")
		# After the key to the line's beginning and an echo put there: what was completed is printed, not run.
		os.write(fd, sys.argv[1].encode() + b"\t\x01echo 'li''ne='\"\x05\"\n")
		until(b"line=")
		while b"\n" not in seen:
		    seen += os.read(fd, 4096)
		print(seen.split(b"\r\n")[0].decode().rstrip())
		os.close(fd)
		os.waitpid(pid, 0)
	EOF
}

@test "bash completes commands, options and their values, tables, tags and schedules" {
	[ "$(bash_completes 'strata vali')" = "strata validate" ]
	[ "$(bash_completes 'strata db sta')" = "strata db sta" ] # start, status: it is not one
	[ "$(bash_completes 'strata db star')" = "strata db start" ]
	[ "$(bash_completes 'strata run --fail')" = "strata run --fail-fast" ]
	[ "$(bash_completes 'strata list --output js')" = "strata list --output json" ]
	[ "$(bash_completes 'strata list --output=js')" = "strata list --output=json" ]
	[ "$(bash_completes 'strata render dwd_')" = "strata render dwd_orders" ]
	[ "$(bash_completes 'strata list tag:')" = "strata list tag:daily" ]
	[ "$(bash_completes 'strata list +dws_')" = "strata list +dws_week" ]
	[ "$(bash_completes 'strata list @dws_')" = "strata list @dws_week" ]
	[ "$(bash_completes 'strata pause ni')" = "strata pause nightly" ]
	cd /
	[ "$(bash_completes "strata -C $PROJECT render dwd_")" = "strata -C $PROJECT render dwd_orders" ]
	[ "$(bash_completes "strata -C $PROJECT/da")" = "strata -C $PROJECT/dags/" ]
}

@test "zsh completes them, too" {
	cat > "$BATS_TEST_TMPDIR/zpty" <<-'EOF'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PROMPT=; autoload -U compinit; compinit -u -d $1; source <(strata completion zsh); print re''ady"
		zpty -r shell out '*ready*'
		completes() { # TYPED WHOLE: waits for it
			zpty -w -n shell $'\C-u'$1$'\t'
			zpty -r shell out "*$2*"
		}
		completes 'strata vali' validate
		completes 'strata render dwd_' dwd_orders
		completes 'strata list tag:' tag:daily
		completes 'strata --output=c' --output=csv
		completes 'strata pause ni' nightly
		zpty -d shell
	EOF
	timeout "$WAIT_SECONDS" zsh -f "$BATS_TEST_TMPDIR/zpty" "$BATS_TEST_TMPDIR/dump" 3>&-
}

@test "fish completes them, too, and says what they are" {
	candidates() { fish --no-config -c "strata completion fish | source; complete -C '$1'"; }
	[ "$(candidates 'strata vali')" = "validate	every problem of the project, in one pass" ]
	[ "$(candidates 'strata render dwd_')" = "dwd_orders	Orders, cleaned" ]
	[ "$(candidates 'strata list tag:')" = "tag:daily	a tag" ]
	[ "$(candidates 'strata list --output=c' | cut -f1)" = "--output=csv" ]
	[[ $(candidates 'strata -C da') == dags/* ]]
}

@test "runs come from the state where it is up; where it is down nothing is started, and nothing made" {
	[ "$(strata complete -- show '')" = "latest	the newest run" ]
	[ ! -e .strata ]
	shop_days 1 1
	strata run ods --date 2024-01-01 --run-id first
	strata run ods --date 2024-01-01 --run-id second
	[ "$(strata complete -- show '' | cut -f1 | tr '\n' ' ')" = "latest second first " ]
	[ "$(strata complete -- show f)" = "first	manual success ods" ]
	[ -z "$(strata complete -- cancel f)" ] # it is over
	strata db stop
	[ "$(strata complete -- show '' | cut -f1)" = latest ]
	[ "$(db_status server)" = down ]
}

@test "a database that does not answer is not waited for" {
	shop_days 1 1
	strata run ods --date 2024-01-01
	python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("'"$BATS_TEST_TMPDIR"'/.s.PGSQL.5432"); s.listen(); print("up", flush=True); c, _ = s.accept(); [None for _ in iter(lambda: c.recv(1000), b"")]' \
		> "$BATS_TEST_TMPDIR/silent" 3>&- &
	silent=$!
	wait_until has_line "$BATS_TEST_TMPDIR/silent" up
	[ "$(strata complete -- --db "host=$BATS_TEST_TMPDIR" show '')" = "latest	the newest run" ]
	wait $silent # it was asked, and left
}

@test "a broken project has names, too, and a word of which nobody heard has none" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT * FROM nobody.nothing"
	echo "nonsense: [" >> tables.yaml
	[ "$(strata complete -- render dwd_b | cut -f1)" = dwd_bad ]
	[ -z "$(strata complete -- frobnicate '')" ]
}
