#!/usr/bin/env bash
# Install what strata needs and is missing: Debian packages by apt, libduckdb into deps/duckdb.
#
#   infra/setup.sh [--tests] [--check]
#
# --tests  also what `make test` and `make lint` use, and a Python with the pinned duckdb in deps/venv
# --check  install nothing: say what is missing, exit 1 if anything is
#
# Every step looks first and does nothing when all is there, so a second run is instant and needs no
# network. libduckdb is $DUCKDB_HOME (include/duckdb.h and lib/) when that is set, else deps/duckdb: every
# file is compared with infra/duckdb.lock before it is used, wherever it came from.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build_packages=(build-essential pkg-config git ca-certificates uthash-dev libuv1-dev libyaml-dev libpq-dev
	libjansson-dev libncurses-dev libgit2-dev libcurl4-openssl-dev libssl-dev postgresql tzdata)
test_packages=(libcmocka-dev bats jq cppcheck shellcheck clang valgrind tmux procps python3-venv zsh fish mandoc groff man-db bsdextrautils)

with_tests=0 check_only=0
for arg in "$@"; do
	case $arg in
	--tests) with_tests=1 ;;
	--check) check_only=1 ;;
	*) echo "usage: infra/setup.sh [--tests] [--check]" >&2; exit 2 ;;
	esac
done

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# How a command becomes root's: nothing, sudo without a password or at a terminal, or not at all.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
can_be_root() {
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# Prints those of its arguments that are not installed.
missing_packages() {
	local have
	# dpkg-query fails for a name it never heard of, and still prints the others.
	have=" $({ dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^ii //p' | tr '\n' ' ') "
	for p in "$@"; do
		case $have in *" $p "*) ;; *) echo "$p" ;; esac
	done
}

install_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ $check_only = 1 ]; then
		say "missing Debian packages: ${missing[*]}"
		failed=1
		return 0
	fi
	command -v apt-get >/dev/null || die "this is no Debian; install the equivalents of: ${missing[*]}"
	can_be_root || die "missing Debian packages, and neither root nor sudo to install them. As root:
  apt-get install --no-install-recommends ${missing[*]}"
	say "installing Debian packages: ${missing[*]}"
	# The package would start a server of its own; strata brings its private one.
	case " ${missing[*]} " in *" postgresql "*)
		as_root mkdir -p /etc/postgresql-common/createcluster.d
		echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/strata.conf >/dev/null ;;
	esac
	local try_install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
	as_root "${try_install[@]}" >&2 && return 0
	say "refreshing the package lists and trying again"
	as_root apt-get update -qq >&2
	as_root "${try_install[@]}" >&2 || die "apt-get could not install: ${missing[*]}"
}

machine=$(uname -m)
lock=infra/duckdb.lock
home=deps/duckdb

# "<sha256>  <path>" of the files this machine needs, as sha256sum -c wants them.
pinned_files() { awk -v m="$machine" '$1 == "file" && ($2 == m || $2 == "any") { print $4 "  " $3 }' $lock; }
pinned_modules() { awk -v m="$machine" '$1 == "module" && ($2 == m || $2 == "any") { print $3 "@" $4, $5 }' $lock; }

# Hashing 120 MB takes most of a second, so what was verified is remembered with size, time and inode.
duckdb_seal() { { cat $lock; stat -c '%n %s %Y %i' $home/include/* $home/lib/*; } 2>/dev/null | sha256sum; }
duckdb_ok() {
	[ -f $home/include/duckdb.h ] || return 1
	[ "$(cat $home/.verified 2>/dev/null)" = "$(duckdb_seal)" ] && return 0
	(cd $home && sha256sum --quiet --strict -c - >/dev/null 2>&1) < <(pinned_files) || return 1
	duckdb_seal > $home/.verified 2>/dev/null || true
}

# The modules' folders are copied whole into a new folder, which replaces the old one when it is right.
fetch_duckdb() {
	command -v go >/dev/null || [ -x /usr/lib/go/bin/go ] || install_packages golang-go
	local go scratch module sum dir
	go=$(command -v go || echo /usr/lib/go/bin/go)
	mkdir -p deps
	scratch=$(mktemp -d deps/fetch.XXXXXX)
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$PWD/$scratch'" EXIT
	mkdir -p "$scratch/duckdb/include" "$scratch/duckdb/lib"
	# A module cache that is there is used; otherwise none is left behind.
	local cache
	cache=$("$go" env GOMODCACHE)
	[ -n "$cache" ] && [ -d "$cache" ] || cache=$PWD/$scratch/modules
	say "fetching libduckdb $(awk '$1 == "version" { print $2 }' $lock) with $("$go" version | cut -d' ' -f3)"
	printf 'module strata.local/deps\n\ngo 1.19\n' > "$scratch/go.mod"
	while read -r module sum; do
		# The pins below say what is right, so Go needs neither its checksum database nor a newer self.
		(cd "$scratch" && GOMODCACHE=$cache GOFLAGS="${GOFLAGS:-} -modcacherw" GOTOOLCHAIN=local GONOSUMDB='*' \
			"$go" mod download -json "$module") > "$scratch/module.json" ||
			die "cannot fetch $module: $(sed -n 's/^\t"Error": //p' "$scratch/module.json")
  without network: put include/duckdb.h and the static libraries of that release in a folder and set DUCKDB_HOME"
		grep -qF "\"Sum\": \"$sum\"" "$scratch/module.json" || die "$module is not the one that $lock pins"
		dir=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' "$scratch/module.json")
		while read -r _ path; do
			[ -f "$dir/$path" ] && cp "$dir/$path" "$scratch/duckdb/$path"
			[ -f "$dir/${path#lib/}" ] && cp "$dir/${path#lib/}" "$scratch/duckdb/$path"
		done < <(pinned_files) || true
	done < <(pinned_modules)
	chmod -R u+w "$scratch/duckdb"
	(cd "$scratch/duckdb" && sha256sum --quiet --strict -c - >&2) < <(pinned_files) ||
		die "libduckdb as fetched differs from $lock"
	rm -rf $home
	mv "$scratch/duckdb" $home
	duckdb_ok || die "libduckdb in $home differs from $lock"
	rm -rf "$scratch"
	say "libduckdb is in $home"
}

need_duckdb() {
	if [ -n "${DUCKDB_HOME:-}" ]; then
		[ -f "$DUCKDB_HOME/include/duckdb.h" ] || die "DUCKDB_HOME=$DUCKDB_HOME has no include/duckdb.h"
		compgen -G "$DUCKDB_HOME/lib/*.a" >/dev/null || die "DUCKDB_HOME=$DUCKDB_HOME has no lib/*.a"
		return
	fi
	pinned_modules | grep -q lib/ || die "no libduckdb is pinned for $machine; set DUCKDB_HOME"
	duckdb_ok && return
	if [ $check_only = 1 ]; then
		say "missing libduckdb in $home"
		failed=1
	else
		fetch_duckdb
	fi
}

# Independent eyes: a reader of what strata publishes, another cron. Only tests use Python.
need_venv() {
	local package wanted=() missing=()
	mapfile -t wanted < tests/requirements.txt
	for package in "${wanted[@]}"; do
		compgen -G "deps/venv/lib/python3*/site-packages/${package/==/-}.dist-info" >/dev/null || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ $check_only = 1 ]; then
		say "missing Python packages in deps/venv: ${missing[*]}"
		failed=1
		return
	fi
	say "making deps/venv with the Python packages of tests/requirements.txt"
	rm -rf deps/venv
	python3 -m venv deps/venv
	deps/venv/bin/pip install -q --disable-pip-version-check -r tests/requirements.txt >&2
}

# clang only recommends the library that fuzzers and sanitizers link with, and recommendations are not installed.
need_fuzzer_runtime() {
	local library
	command -v clang >/dev/null || return 0 # among the missing packages
	library=$(clang "-print-file-name=libclang_rt.fuzzer-$machine.a")
	[ -f "$library" ] || install_packages libclang-rt-dev
}

failed=0
packages=("${build_packages[@]}")
[ $with_tests = 1 ] && packages+=("${test_packages[@]}")
install_packages "${packages[@]}"
need_duckdb
[ $with_tests = 1 ] && need_fuzzer_runtime
[ $with_tests = 1 ] && need_venv
exit $failed
