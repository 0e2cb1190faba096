"""The works `ready` and `death`: how soon the scheduler starts what may start, and sees what has died.

A task is ready when the scheduler says so of it: all that it reads is durable, and it is to be built. It is started when
its worker has said that it has begun the try. Between the two lies one commit: the try's row.
"""
import datetime
import json
import os
import random
import signal
import statistics
import tempfile
import time

import generate
from measure import Failed, median, text_seconds, until
from works import DAY, Row, query, say, unmeasured
from works_scheduler import Daemon

CHAINS, CHAIN_LENGTH, LATENCY_JOBS = 2, 100, 8
LOAD_DAYS, LOAD_SLOTS = 730, 2
READY_SAMPLES = 1000     # at least, quiet and under load each, so that ten of them are beyond the 99th percentile
QUIET, LOADED = "quiet", "beside a backfill"
COMMITS, COMMIT_PAUSE_MS = 50, 5
DEATHS, DEATH_SECONDS = 40, 30

# Each task's seconds from ready to the word of its worker.
WAITS = """SELECT extract(epoch FROM y.running_at - t.ready_at) FROM strata.task t
    JOIN strata.try y USING (lake_id, run_id, table_name, partition) WHERE t.run_id = '{run}' AND y.outcome = 'success'"""


def write_latency_project(project):
    """Chains of SQL tables, and beside them five tables a day that have a pool of their own."""
    generate.write_strata(project, generate.daily())
    entries = "".join(f"  {table.name}: {{pool: load}}\n" for table in generate.daily())
    generate.write(f"{project}/tables.yaml", f"project: {{name: bench}}\ntables:\n{entries}")
    for chain in range(CHAINS):
        for i in range(CHAIN_LENGTH):
            name = "ads_c%d_%03d"
            above = f"ads.{name % (chain, i - 1)}" if i else "(select unnest(range(10)) as id)"
            generate.write(f"{project}/dags/ads/{name % (chain, i)}.sql", f"select id from {above}\n")
    with open(f"{project}/dags/dw_config.yaml", "a", encoding="utf-8") as out:
        out.write(f"pools: {{load: {LOAD_SLOTS}}}\n")


class Ready:
    """A scheduler with more workers than tasks are ever ready, so that none waits for one: what is measured is the
    scheduler, not a queue."""

    def __init__(self, bench):
        self.bench = bench
        self.project = bench.folder("ready")
        self.samples = {QUIET: [], LOADED: [], "commit, quiet": [], "commit, beside a backfill": []}
        write_latency_project(self.project)
        bench.timed(bench.strata(self.project, "db", "start"))
        self.conninfo = bench.conninfo(self.project)
        self.daemon = Daemon(bench, self.project, LATENCY_JOBS)
        self.daemon.wait_ready()
        self.runs = 0

    def one_run(self):
        """(commits, waits) of one run of the chains; the commits are others' in the same database, meanwhile."""
        self.runs += 1
        with tempfile.TemporaryFile(dir=self.bench.work) as out:
            commits = self.bench.start([f"{self.bench.bin}/commits", self.conninfo, str(COMMITS), str(COMMIT_PAUSE_MS)], None, out)
            self.bench.timed(self.bench.strata(self.project, "run", "ads_c*", "--date", DAY, "--force", "--run-id", f"chains{self.runs}"))
            if self.bench.wait(commits)[0]:
                raise Failed("commits could not be measured")
            out.seek(0)
            commit = float(out.read().split()[1])
        waits = [float(x) for x in query(self.bench, self.conninfo, WAITS.format(run=f"chains{self.runs}"))]
        if len(waits) != CHAINS * CHAIN_LENGTH:
            raise Failed(f"{len(waits)} starts are recorded, not {CHAINS * CHAIN_LENGTH}")
        return commit, waits

    def quiet(self):
        while len(self.samples[QUIET]) < READY_SAMPLES:
            self.keep(QUIET, *self.one_run())

    def keep(self, label, commit, waits):
        self.samples[label] += waits
        self.samples["commit, " + label].append(commit)

    def loaded(self):
        """Only what ran while the backfill had tasks waiting."""
        for _ in range(4 * READY_SAMPLES // (CHAINS * CHAIN_LENGTH)):
            if len(self.samples[LOADED]) >= READY_SAMPLES:
                return
            backfill = self.backfill_under_way()
            result = self.one_run()
            if backfill == self.under_way():
                self.keep(LOADED, *result)
        raise Failed("the backfill was over too soon, again and again")

    def under_way(self):
        found = query(self.bench, self.conninfo, "SELECT run_id FROM strata.run WHERE kind = 'backfill' AND state = 'running'")
        return found[0] if found else None

    def backfill_under_way(self):
        found = self.under_way()
        if not found:
            days = generate.dates("2020-01-01", LOAD_DAYS)
            self.bench.timed(self.bench.strata(self.project, "backfill", "ods_step+", "--start", days[0], "--end", days[-1], "--force", "--detach"))
            until(self.under_way, 30)
            found = self.under_way()
        return found


def ready_rows(samples):
    rows = []
    for label in (QUIET, LOADED):
        waits = samples[label]
        commit = median(samples["commit, " + label])
        middle, high = median(waits), statistics.quantiles(waits, n=100)[98]
        floor = f"one commit {text_seconds(commit)}"
        rows += [
            Row("ready", f"ready → started, {label}: median", floor, "–", text_seconds(middle), f"{middle / (0.001 + commit):.2f} × the bound",
                "≤ 1 ms + one commit", middle <= 0.001 + commit, samples if not rows else {}),
            Row("ready", "  99 of 100", floor, "–", text_seconds(high), f"{high / (0.010 + commit):.2f} × the bound",
                "≤ 10 ms + one commit", high <= 0.010 + commit, {})]
    return rows


def work_ready(bench):
    what, aim = "ready → started", "≤ 1 ms + one commit"
    if bench.missing():
        return [unmeasured(bench, "ready", what, "–", "–", bench.missing(), aim, {})]
    ready = None
    try:
        ready = Ready(bench)
        say(f"(ready) {CHAINS} chains of {CHAIN_LENGTH} tables beside nothing, then beside a backfill")
        ready.one_run()  # workers come up
        ready.quiet()
        ready.loaded()
    except Failed as failure:
        return [unmeasured(bench, "ready", what, "–", "–", str(failure), aim, ready.samples if ready else {})]
    finally:
        if ready:
            ready.daemon.end()
            bench.drop(ready.project)
    return ready_rows(ready.samples)


class Deaths:
    """A scheduler with two tries that never end, which are killed again and again: a query, and a program that has
    started another."""

    def __init__(self, bench):
        self.bench = bench
        self.project = bench.folder("death")
        self.chance = random.Random(3)
        generate.write(f"{self.project}/dags/dw_config.yaml", "layer_dependencies: {ads: []}\ndefaults: {retries: 1000, retry_delay: 0s}\n")
        generate.write(f"{self.project}/dags/ads/ads_query.sql", "select count(*) as n from range(1000000000000) t(x) where x % 7 = hash(x) % 11\n")
        generate.write(f"{self.project}/dags/ads/ads_program.sh", "#!/bin/sh\nsleep 3600\necho\n", 0o755)
        bench.timed(bench.strata(self.project, "db", "start"))
        self.conninfo = bench.conninfo(self.project)
        self.daemon = Daemon(bench, self.project, 2)
        self.daemon.wait_ready()
        bench.timed(bench.strata(self.project, "trigger", "ads", "--date", DAY))
        self.fence = {"ads_query": 0, "ads_program": 0}

    def victim(self, table):
        """(fence, worker) of the table's try that a worker has begun, and that is not the last one."""
        found = query(self.bench, self.conninfo, f"SELECT fence || ' ' || worker FROM strata.try WHERE table_name = 'ads.{table}'"
                                                 f" AND state = 'running' AND fence > {self.fence[table]}")
        return (int(found[0]), found[1]) if found else None

    def kill_one(self, table):
        """(seconds until it was seen, seconds until the try had its end)"""
        if not until(lambda: self.victim(table), DEATH_SECONDS):
            raise Failed(f"no new try of {table} began")
        self.fence[table], worker = self.victim(table)
        with open(f"{self.project}/.strata/workers/run/{worker}.lock", encoding="ascii") as file:
            pid = int(file.read().split()[0])
        time.sleep(self.chance.uniform(0, 0.2))
        at = time.time()
        os.kill(pid, signal.SIGKILL)
        if not until(lambda: self.died(worker), DEATH_SECONDS):
            raise Failed(f"the death of {worker} was not seen")
        ended = f"SELECT extract(epoch FROM ended_at) FROM strata.try WHERE fence = {self.fence[table]} AND state = 'ended'"
        if not until(lambda: query(self.bench, self.conninfo, ended), DEATH_SECONDS):
            raise Failed("a try that died has no end")
        return self.died(worker) - at, float(query(self.bench, self.conninfo, ended)[0]) - at

    def kill_bare(self):
        """Seconds until a parent that does nothing else has the exit status of a child that it killed."""
        child = self.bench.start(["sleep", "60"])
        at = time.monotonic()
        os.kill(child.pid, signal.SIGKILL)
        self.bench.wait(child)
        return time.monotonic() - at

    def died(self, worker):
        """When the scheduler said so, by the same clock."""
        for line in self.daemon.said().splitlines():
            if '"worker.died"' in line and f'"{worker}"' in line:
                return datetime.datetime.fromisoformat(json.loads(line)["ts"].replace("Z", "+00:00")).timestamp()
        return None


def spread(samples):
    return f"{text_seconds(median(samples))}, at most {text_seconds(max(samples))}"


def work_death(bench):
    aim = "≤ 50 ms"
    samples = {"floor": [], "query, seen": [], "query, ended": [], "program, seen": [], "program, ended": []}
    if bench.missing():
        return [unmeasured(bench, "death", "death of a worker", "–", "–", bench.missing(), aim, samples)]
    deaths = None
    try:
        deaths = Deaths(bench)
        say(f"(death) {DEATHS} workers with a query, and as many with a program, are killed")
        for n in range(2 * DEATHS):
            kind = ("query", "program")[n % 2]
            samples["floor"].append(deaths.kill_bare())
            seen, ended = deaths.kill_one(f"ads_{kind}")
            samples[f"{kind}, seen"].append(seen)
            samples[f"{kind}, ended"].append(ended)
    except Failed as failure:
        return [unmeasured(bench, "death", "death of a worker", "–", "–", str(failure), aim, samples)]
    finally:
        if deaths:
            deaths.daemon.end()
            bench.drop(deaths.project)
    rows = []
    floor = f"a bare child {spread(samples['floor'])}"
    for kind in ("query", "program"):
        for step, aimed in (("seen", True), ("ended", False)):
            took = samples[f"{kind}, {step}"]
            what = f"kill -9 of a worker with a {kind}, seen" if aimed else "  its try has its end, and may be tried again"
            rows.append(Row("death", what, floor if not rows else "–", "–", spread(took), "–",
                            aim if aimed else "–", max(took) <= 0.050 if aimed else None, samples if not rows else {}))
    return rows


WORKS = {"ready": work_ready, "death": work_death}
