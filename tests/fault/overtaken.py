"""Readers that are overtaken: who has listed a partition, or read its manifest, and opens a file only after a newer
version was published, gets "no such file" and nothing else; reading again, as docs/COMMIT.md says, gives the new version
as a whole. Each reader here waits for the publish at the worst moment, so that all of them are overtaken.

    overtaken.py [--long]
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import time

import duckdb

from lab import Lab, Project, Tap

DAY, SHORT_ROUNDS, LONG_ROUNDS = "2024-01-01", 3, 30
FILES = {
    "dags/dw_config.yaml": "layer_dependencies: {ods: []}\n",
    # Each row says of which version it is.
    "dags/ods/ods_a.sh": "#!/bin/sh\n# ${PARTITION_DATE}\n"
                         "printf 'version,part\\n%s,1\\n%s,2\\n' $STRATA_RUN_ID $STRATA_RUN_ID > \"$STRATA_OUTPUT_DIR/a.csv\"\n",
}


def rows_of(paths):
    return sorted(duckdb.connect().execute("SELECT version, part FROM read_parquet(?)", [paths]).fetchall())


def by_listing(folder, publish):
    """Lists, and opens by name: any engine that is given files."""
    paths = sorted(str(p) for p in folder.glob("*.parquet"))
    publish()
    return rows_of(paths)


def pinned(folder, publish):
    """Opens the folder once, and all that its manifest lists through that descriptor."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.fdopen(os.open("manifest.json", os.O_RDONLY, dir_fd=directory)) as file:
            manifest = json.load(file)
        publish()
        copies = []
        for entry in manifest["files"]:
            with os.fdopen(os.open(entry["name"], os.O_RDONLY, dir_fd=directory), "rb") as file:
                data = file.read()
            if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
                raise ValueError(f"{entry['name']} is not what the manifest says")
            copies.append(folder.parents[2] / f"copy-{len(copies)}")
            copies[-1].write_bytes(data)
        return rows_of([str(copy) for copy in copies])
    finally:
        os.close(directory)


def pinned_and_open(folder, publish):
    """Has every file of its version open when the next one comes: it is not overtaken, and has the old one whole."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.fdopen(os.open("manifest.json", os.O_RDONLY, dir_fd=directory)) as file:
            manifest = json.load(file)
        files = [os.open(entry["name"], os.O_RDONLY, dir_fd=directory) for entry in manifest["files"]]
        publish()
        rows = rows_of([f"/proc/self/fd/{fd}" for fd in files])
        for fd in files:
            os.close(fd)
        return rows
    finally:
        os.close(directory)


def is_absence(error):
    return isinstance(error, FileNotFoundError) or \
        (isinstance(error, duckdb.IOException) and ("o such file" in str(error) or "o files found" in str(error)))


class Table:
    def __init__(self, lab):
        self.project = Project(lab.folder / "overtaken", lab.pg, "overtaken")
        lab.pg.sql("CREATE DATABASE overtaken")
        for path, text in FILES.items():
            self.project.write(path, text, 0o755 if path.endswith(".sh") else 0o644)
        self.folder = pathlib.Path(self.project.folder) / f"ods/ods_a/dt={DAY}"
        self.versions = 0

    def publish(self):
        self.versions += 1
        status, output = self.project.strata("run", "--force", "--date", DAY, "--run-id", f"v{self.versions}")
        if status != 0:
            raise RuntimeError(output)

    def whole(self, version):
        return [(f"v{version}", part) for part in (1, 2)]


def read_until_whole(table, read, counts):
    """What it sees in the end. The first time it is overtaken; after that nobody publishes."""
    publish = table.publish
    while True:
        try:
            rows = read(table.folder, publish)
            counts["reads"] += 1
            return rows
        except (OSError, duckdb.Error) as error:
            if not is_absence(error):
                raise
            counts["overtaken"] += 1
            publish = lambda: None  # noqa: E731


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    rounds, tap, table = LONG_ROUNDS if arguments.long else SHORT_ROUNDS, Tap(), Table(Lab())
    table.publish()
    began = time.monotonic()
    for read in (by_listing, pinned, pinned_and_open):
        counts, problems = collections.Counter(), []
        for _ in range(rounds):
            before = table.versions
            rows = read_until_whole(table, read, counts)
            # Who has all files open keeps his version; any other one must have been overtaken, once.
            expected = table.whole(before if read is pinned_and_open else table.versions)
            if rows != expected:
                problems.append(f"saw {rows}, expected {expected}")
        due = 0 if read is pinned_and_open else rounds
        if counts["overtaken"] != due:
            problems.append(f"overtaken {counts['overtaken']} times, not {due}")
        tap.result(problems, f"{read.__name__}: {counts['reads']} reads, {counts['overtaken']} overtaken and cured by one more read")
    tap.result(table.project.problems(), "lake and state agree")
    print(f"# {table.versions} versions in {time.monotonic() - began:.0f} s", flush=True)
    tap.end()


if __name__ == "__main__":
    main()
