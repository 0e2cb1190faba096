"""What the fault tests share: a small project in a folder of its own, a private Postgres server for all of them,
strata as a child process, and the comparison of a lake with its state.

Everything that is started is ended by its own id. A test prints TAP: `ok 1 - what`, `not ok 2 - what`.
"""
import atexit
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import duckdb

REPO = pathlib.Path(__file__).resolve().parents[2]
STRATA = os.environ.get("STRATA", str(REPO / "build/debug/strata"))
WORKER = os.environ.get("STRATA_WORKER", str(pathlib.Path(STRATA).parent / "strata-worker"))
PG_BIN = "/usr/lib/postgresql/15/bin"
DATES = ["2024-01-01", "2024-01-02", "2024-01-03"]
WAIT_SECONDS = 120


def clean_environment():
    drop = ("STRATA", "PG", "MAKE")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    env.update(TZ="UTC", LC_ALL="C.UTF-8", STRATA_WORKER=WORKER)
    return env


class Tap:
    """One line a test; the exit status says whether all held."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, problems, what):
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {what}", flush=True)
        for problem in problems:
            print("  " + str(problem).replace("\n", "\n  "), flush=True)

    def end(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def wait_until(condition, what):
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {WAIT_SECONDS} s in vain for {what}")
        time.sleep(0.005)


class Postgres:
    """A server on a unix socket, with a database a lake where a test asks for one."""

    def __init__(self, folder, port=5432, options=""):
        self.folder, self.port, self.options = pathlib.Path(folder), port, options
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.prefix = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.prefix = ["runuser", "-u", "postgres", "--"]
        os.chmod(self.folder, 0o755)
        self._run("initdb", "-D", self.data, "-U", "strata", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with open(self.data / "postgresql.auto.conf", "a", encoding="ascii") as conf:
            conf.write(f"listen_addresses=''\nunix_socket_directories='{self.folder}'\nport={port}\n{options}\n")
        self.start()
        atexit.register(self.stop)

    def _run(self, program, *arguments, check=True):
        command = [*self.prefix, f"{PG_BIN}/{program}", *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, check=check, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", self.log, "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-m", "immediate", "stop", check=False)

    def pid(self):
        try:
            return int((self.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return 0

    def kill(self):
        """kill -9, of the postmaster; the backends notice and go."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def restart_after_kill(self):
        for _ in range(200):
            if self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", self.log, "start", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("Postgres does not come up again: " + self.log.read_text(errors="replace")[-2000:])

    def conninfo(self, database="postgres"):
        return f"host={self.folder} port={self.port} user=strata dbname={database}"

    def sql(self, text, database="postgres"):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(database), "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout

    def rows(self, query, database="postgres"):
        return json.loads(self.sql(f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) q", database))


_running = []  # what Project.start has begun and has not been seen to end


def _end_what_runs():
    """A test that is ended, or fails, leaves no scheduler behind: the group goes, and its workers with it."""
    for process in _running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGCONT)  # also one that a test has stopped
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Lab:
    """A temporary folder with its server; both go at the end."""

    def __init__(self, pg_options=""):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit leaves no server behind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-fault-", dir=os.environ.get("FAULT_DIR")))
        os.chmod(self.folder, 0o755)
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.pg = Postgres(self.folder / "pg", options=pg_options)
        atexit.register(_end_what_runs)  # before the server goes


class Project:
    """A project with its lake in one folder and its state in one database."""

    def __init__(self, folder, pg, database):
        self.folder, self.pg, self.database = pathlib.Path(folder), pg, database

    def write(self, path, text, mode=0o644):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def environment(self, **more):
        return {**clean_environment(), "STRATA_DB": self.pg.conninfo(self.database), **more}

    def start(self, *arguments, output=subprocess.DEVNULL, **more):
        process = subprocess.Popen([STRATA, "-C", str(self.folder), *arguments], env=self.environment(**more),
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        _running[:] = [one for one in _running if one.poll() is None] + [process]
        return process

    def strata(self, *arguments, timeout=300, **more):
        """(status, output) of a strata command; a status below zero is a signal."""
        done = subprocess.run([STRATA, "-C", str(self.folder), *arguments], env=self.environment(**more), timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode(errors="replace")

    def sql_rows(self, query):
        return self.pg.rows(query, self.database)

    # --- what is there ---

    def workers(self):
        """The pids of this lake's workers that live."""
        found = []
        for lock in self.folder.glob(".strata/workers/**/*.lock"):
            try:
                pids = [int(word) for word in lock.read_text(encoding="ascii").split()[:1]]
            except (FileNotFoundError, ValueError):
                continue
            for pid in pids:
                try:
                    if pid > 1 and os.readlink(f"/proc/{pid}/exe").endswith("strata-worker"):
                        found.append(pid)
                except OSError:
                    pass
        return found

    def manifests(self):
        """{(table, partition): manifest} of all that is published; the folders are found, not asked for."""
        found = {}
        for path in sorted(self.folder.glob("*/*/**/manifest.json")):
            if ".strata" in path.parts:
                continue
            parts = path.parent.relative_to(self.folder).parts
            partition = parts[2].removeprefix("dt=") if len(parts) > 2 else ""
            found[f"{parts[0]}.{parts[1]}", partition] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def folder_of(self, table, partition):
        base = self.folder.joinpath(*table.split("."))
        return base / f"dt={partition}" if partition else base

    def content(self):
        """{(table, partition): digest of the rows}, read by a DuckDB that knows nothing of strata."""
        result = {}
        with duckdb.connect() as connection:
            for key in self.manifests():
                pattern = str(self.folder_of(*key) / "*.parquet")
                rows = connection.execute("SELECT * FROM read_parquet(?, hive_partitioning=false) ORDER BY ALL", [pattern]).fetchall()
                result[key] = hashlib.sha256(repr(rows).encode()).hexdigest()
        return result

    def lineage(self):
        rows = self.sql_rows("SELECT p.table_name, p.partition, l.up_table, l.up_partition FROM strata.partition p"
                             " JOIN strata.lineage l USING (lake_id, fence)")
        # A name of a RAW file is relative to the lake: the same in each copy of it.
        return {(r["table_name"], r["partition"], r["up_table"], r["up_partition"]) for r in rows}

    def problems(self):
        """Whatever is wrong between lake and state, or left over, when nothing runs."""
        found = []
        manifests = self.manifests()
        for key, manifest in manifests.items():
            folder = self.folder_of(*key)
            names = {p.name for p in folder.iterdir()}
            expected = {f["name"] for f in manifest["files"]} | {"manifest.json", "_SUCCESS"}
            if names != expected:
                found.append(f"{key}: files {sorted(names ^ expected)} are not those of the manifest")
            for f in manifest["files"]:
                data = (folder / f["name"]).read_bytes() if (folder / f["name"]).exists() else b""
                if len(data) != f["size"] or (f["sha256"] and hashlib.sha256(data).hexdigest() != f["sha256"]):
                    found.append(f"{key}: {f['name']} is not what the manifest says")
        recorded = {(r["table_name"], r["partition"]): r for r in self.sql_rows("SELECT * FROM strata.partition")}
        for key, row in recorded.items():
            manifest = manifests.get(key)
            if row["empty"]:
                if manifest:
                    found.append(f"{key}: recorded as empty, but published")
            elif not manifest:
                found.append(f"{key}: recorded, but not published")
            else:
                for column, field in (("try_id", "try_id"), ("version", "version"), ("fence", "fence"), ("rows", "row_count"),
                                      ("fingerprint", "fingerprint"), ("files", "file_count")):
                    if row[column] != manifest[field]:
                        found.append(f"{key}: {column} is {row[column]} in the state, {manifest[field]} in the manifest")
        found += [f"{key}: published, but not recorded" for key in manifests.keys() - recorded.keys()]
        found += self.state_problems(recorded)
        for pattern in (".strata/staging/*", ".strata/tmp/*"):
            found += [f"left over: {p.relative_to(self.folder)}" for p in self.folder.glob(pattern)]
        return found

    def state_problems(self, recorded):
        queries = ["SELECT 'run', run_id, state FROM strata.run WHERE state <> 'done'",
                   "SELECT 'task', run_id, table_name, partition, state FROM strata.task WHERE state <> 'done'",
                   "SELECT 'try', run_id, table_name, partition, state FROM strata.try WHERE state <> 'ended'",
                   "SELECT 'two successes of one task', run_id, table_name, partition FROM strata.try WHERE outcome = 'success'"
                   " GROUP BY run_id, table_name, partition HAVING count(*) > 1",
                   "SELECT 'successful task without a successful try', run_id, table_name, partition FROM strata.task t"
                   " WHERE result IN ('success', 'empty') AND NOT EXISTS (SELECT FROM strata.try y WHERE y.outcome = 'success'"
                   " AND (y.lake_id, y.run_id, y.table_name, y.partition) = (t.lake_id, t.run_id, t.table_name, t.partition))",
                   "SELECT 'fence not below next_fence', fence FROM strata.try JOIN strata.scheduler USING (lake_id)"
                   " WHERE fence >= next_fence",
                   "SELECT 'partition without its successful try', table_name, partition, fence FROM strata.partition p"
                   " WHERE NOT EXISTS (SELECT FROM strata.try y WHERE (y.lake_id, y.fence) = (p.lake_id, p.fence)"
                   " AND y.outcome = 'success' AND y.try_id = p.try_id)",
                   "SELECT 'counts do not add up', run_id, counts FROM strata.run WHERE (counts->>'tasks')::int <>"
                   " (SELECT sum(value::int) FROM jsonb_each_text(counts) WHERE key NOT IN ('tasks', 'tries'))",
                   "SELECT 'run without counts', run_id FROM strata.run WHERE state = 'done' AND counts = '{}'",
                   # The last successful try of a partition is the one that is published, or emptied it.
                   "SELECT 'a success is not what is published', y.table_name, y.partition, y.fence FROM"
                   " (SELECT lake_id, table_name, partition, max(fence) AS fence FROM strata.try WHERE outcome = 'success'"
                   " GROUP BY 1, 2, 3) y JOIN strata.partition p USING (lake_id, table_name, partition) WHERE p.fence <> y.fence"]
        # One statement for all: each psql costs as much as what it asks.
        rows = self.sql_rows(" UNION ALL ".join(f"SELECT row_to_json(q{i}) AS row FROM ({q}) q{i}" for i, q in enumerate(queries)))
        found = [" ".join(map(str, row["row"].values())) for row in rows]
        successes = self.sql_rows("SELECT DISTINCT table_name, partition FROM strata.task WHERE result IN ('success', 'empty')")
        found += [f"{r}: success, but no partition" for r in successes if (r["table_name"], r["partition"]) not in recorded]
        return found


def plan_of_rest(project, *selection):
    """What the same command would still build: nothing, when all is fresh."""
    status, output = project.strata("-q", "--output", "json", "plan", *selection)
    if status != 0:
        return [f"plan: status {status}: {output}"]
    return [f"not fresh: {t['table']} {t['partition']}: {t['reason']}" for t in json.loads(output) if t["action"] != "fresh"]


def age_raw(project):
    """RAW that changed within 2 s is never fresh; a test of freshness waits until it is older."""
    files = [p for p in (project.folder / "raw").rglob("*") if p.is_file()]
    wait_until(lambda: time.time() - max(p.stat().st_ctime for p in files) > 2.1, "RAW to be older")


def seed_from(arguments):
    """A seed that the command line gives or that is printed, so that a run can be had again."""
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"# seed {seed}", flush=True)
    return random.Random(seed)
