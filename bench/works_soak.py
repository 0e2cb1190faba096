"""The work `soak`: whether the scheduler that stays up keeps its size under load.

Invariant: a sample is taken while no command of ours runs, so the sessions of the database that it counts are the
scheduler's own.
"""
import collections
import os
import random
import signal
import statistics
import time

import generate
from measure import Failed, children_of, postmaster, smaps, text_span, until
from works import MB, Row, query, say, unmeasured
from works_scheduler import Daemon

HOUR_MINUTES, SHORT_MINUTES = 60, 3
WARM_UP = 1 / 6      # of the time: caches fill, workers come up
SETTLED = 1 / 2      # of the time: then the heap has seen whatever comes together, and what still grows is a leak
SAMPLES = 360
BATCHES = 24         # whose means are independent enough for a standard error
FLAT_MB_AN_HOUR = 0.1
SCHEDULES = 4        # each minute, five tables that are never fresh
BACKFILL_DAYS, LONG_BACKFILL_DAYS, LONG_EVERY = 90, 365, 8
UNDER_WAY_MAX = 2    # backfills, so that a slow machine does not pile them up
REFUSED = (1, 2, 4)  # a command may come when what it is about has just ended


class Point:
    """One look at the processes: bytes, descriptors and threads of each kind of them."""

    def __init__(self, at, scheduler, workers, sessions):
        self.at = at
        self.scheduler = sum(smaps(pid, "Rss") for pid in scheduler)
        self.scheduler_own = sum(smaps(pid, "Pss_Anon") for pid in scheduler)
        self.workers = sum(smaps(pid, "Pss") for pid in workers)
        self.sessions = sum(smaps(pid, "Pss_Anon") for pid in sessions)  # not the buffers that all of them share
        self.nsessions = len(sessions)
        self.descriptors = sum(count(f"/proc/{pid}/fd") for pid in scheduler)
        self.threads = sum(count(f"/proc/{pid}/task") for pid in scheduler)


def count(folder):
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


class Soak:
    """A scheduler, what is asked of it, and what was seen."""

    def __init__(self, bench, seconds):
        self.bench, self.seconds = bench, seconds
        self.project = bench.folder("soak")
        self.counts = collections.Counter()
        self.points = []
        self.chance = random.Random(5)
        self.last_run = ""
        write_project(self.project)
        bench.timed(bench.strata(self.project, "db", "start"))
        self.conninfo = bench.conninfo(self.project)
        self.postmaster = next(int(lines[0]) for lines in map(postmaster, bench.clusters()) if lines)
        self.daemon = Daemon(bench, self.project)
        # what comes how often, in seconds
        self.deeds = [(self.sample, seconds / SAMPLES), (self.backfill, 15), (self.kill_worker, 70), (self.ask, 5), (self.pause, 30),
                      (self.cancel, 60), (self.trigger, 45), (self.edit, 120), (self.cut_listener, 300)]

    def run(self):
        self.daemon.wait_ready()
        begin = time.monotonic()
        due = {deed: begin + every * self.chance.random() for deed, every in self.deeds}
        while time.monotonic() - begin < self.seconds:
            deed, every = min(self.deeds, key=lambda item: due[item[0]])
            time.sleep(max(0, due[deed] - time.monotonic()))
            deed()
            due[deed] = max(due[deed] + every, time.monotonic())
            if self.daemon.child.poll() is not None:
                raise Failed("the scheduler ended: " + " / ".join(self.daemon.said().splitlines()[-3:]))
        begun = self.points[0].at
        for point in self.points:
            point.at -= begun

    def workers(self):
        return [pid for pid in children_of(self.daemon.child.pid) if "strata-worker" in command_of(pid)]

    def sample(self):
        sessions = [pid for pid in children_of(self.postmaster) if command_of(pid).startswith("postgres: strata ")]
        self.points.append(Point(time.monotonic(), [self.daemon.child.pid], self.workers(), sessions))

    def strata(self, *args, expect=(0,)):
        self.counts["commands"] += 1
        return self.bench.timed(self.bench.strata(self.project, *args), expect=expect).output

    def backfill(self):
        under_way = query(self.bench, self.conninfo, "SELECT count(*) FROM strata.run WHERE state <> 'done' AND kind = 'backfill'")
        if int(under_way[0]) >= UNDER_WAY_MAX:
            self.counts["backfills put off"] += 1
            return
        self.counts["backfills"] += 1
        days = generate.dates("2025-01-01", BACKFILL_DAYS if self.counts["backfills"] % LONG_EVERY else LONG_BACKFILL_DAYS)
        self.last_run = self.strata("backfill", "ods_step+", "--start", days[0], "--end", days[-1], "--force", "--detach").split()[-1]
        if self.counts["backfills"] % 2:
            time.sleep(self.chance.uniform(0, 0.5))  # in the middle of its tries
            self.kill_worker()

    def kill_worker(self):
        workers = self.workers()
        if workers:
            os.kill(self.chance.choice(workers), signal.SIGKILL)
            self.counts["kills"] += 1

    def ask(self):
        words = (("status",), ("runs",), ("explain", self.last_run, "ads.ads_step", "2025-03-31"), ("plan", "now0"), ("lineage", "ads_step"))
        self.strata(*self.chance.choice(words), expect=(0, *REFUSED))

    def pause(self):
        self.strata("pause", self.last_run, expect=(0, *REFUSED))
        self.strata("unpause", self.last_run, expect=(0, *REFUSED))
        self.strata("pause", "minute0")
        self.strata("unpause", "minute0")

    def cancel(self):
        self.backfill()
        self.strata("cancel", self.last_run, expect=(0, *REFUSED))

    def trigger(self):
        self.strata("trigger", "minute1")

    def edit(self):
        """A project that is read again: a comment, and a column now and then."""
        write_never_fresh(self.project, 0, self.counts["edits"])
        self.counts["edits"] += 1

    def cut_listener(self):
        """The connection on which commands come is broken; the journal's goes on, since its size is looked at."""
        query(self.bench, self.conninfo, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        self.counts["connections cut"] += 1

    def check(self):
        """What was ordered has ended well."""
        for name in [f"minute{i}" for i in range(SCHEDULES)]:
            self.strata("pause", name)
        left = "SELECT count(*) FROM strata.run WHERE state <> 'done'"
        if not until(lambda: query(self.bench, self.conninfo, left) == ["0"], 300):
            raise Failed("runs are left over")
        failed = query(self.bench, self.conninfo, "SELECT run_id FROM strata.run WHERE result = 'failed'")
        if failed:
            raise Failed(f"{len(failed)} runs failed, {failed[0]} first")

    def summary(self):
        runs, tries, scheduled, lost = query(self.bench, self.conninfo,
            "SELECT concat_ws(' ', count(*), (SELECT count(*) FROM strata.try), count(*) FILTER (WHERE kind = 'scheduled'),"
            " (SELECT count(*) FROM strata.try WHERE outcome = 'lost')) FROM strata.run")
        self.counts.update({"runs": int(runs), "tries": int(tries), "scheduled": int(scheduled), "lost": int(lost)})
        return self.counts


def write_never_fresh(project, number, edition=0):
    """Five tables in a row, of which the first is never fresh, so all are built each minute."""
    extra = f", {edition % 3} as edition" if edition else ""
    generate.write(f"{project}/dags/ods/ods_now{number}.sql", f"select now() as made, unnest(range(100)) as id{extra} -- {edition}\n")


def write_project(project):
    tables = generate.daily()
    generate.write_strata(project, tables)
    for number in range(SCHEDULES):
        write_never_fresh(project, number)
        for above, layer in zip(generate.LAYERS, generate.LAYERS[1:]):
            generate.write(f"{project}/dags/{layer}/{layer}_now{number}.sql", f"select made, id from {above}.{above}_now{number}\n")
    with open(f"{project}/dags/dw_config.yaml", "a", encoding="utf-8") as out:
        out.write("defaults: {retries: 5, retry_delay: 0s}\nschedules:\n")
        for number in range(SCHEDULES):
            out.write(f"  minute{number}: {{cron: '* * * * *', timezone: UTC, select: '*_now{number}', catchup: latest}}\n")


def trend(points):
    """Least squares through (seconds, bytes): (middle, slope in bytes an hour, twice its standard error). The error is
    that of the line through the means of batches, because neighbours among the samples are alike."""
    size = max(len(points) // BATCHES, 1)
    batches = [points[i:i + size] for i in range(0, len(points) - size + 1, size)]
    if len(batches) < 3:
        raise Failed(f"{len(points)} samples are too few")
    xs = [statistics.mean(x for x, _ in batch) / 3600 for batch in batches]
    ys = [statistics.mean(y for _, y in batch) for batch in batches]
    slope, intercept = statistics.linear_regression(xs, ys)
    rest = sum((y - intercept - slope * x) ** 2 for x, y in zip(xs, ys)) / (len(xs) - 2)
    spread = sum((x - statistics.mean(xs)) ** 2 for x in xs)
    return statistics.median(y for _, y in points), slope, 2 * (rest / spread) ** 0.5


def trend_rows(what, points, end, value):
    """Over the time after the warm-up, and over the second half, by which it is judged."""
    rows = []
    for name, begin in ((what, WARM_UP), ("    in the second half", SETTLED)):
        middle, slope, error = trend([(p.at, value(p)) for p in points if p.at >= begin * end])
        flat = slope - error <= 0 or slope <= FLAT_MB_AN_HOUR * MB
        rows.append(Row("soak", name, "–", "–", f"{middle / MB:.1f} MB, {slope / MB:+.2f} ± {error / MB:.2f} MB an hour", "–",
                        "flat" if rows else "–", flat if rows else None, {"line": [middle, slope, error]}))
    return rows


def count_row(what, points, value):
    quarter = max(len(points) // 4, 1)
    first, last = (min(map(value, part)) for part in (points[:quarter], points[-quarter:]))  # some are there for a moment only
    return Row("soak", what, "–", "–", f"{first} → {last}", "–", "flat", last <= first, {})


def work_soak(bench):
    what = f"{text_span(bench.soak_seconds)} under load"
    if bench.missing():
        return [unmeasured(bench, "soak", what, "–", "–", bench.missing(), "flat", {})]
    soak = None
    try:
        soak = Soak(bench, bench.soak_seconds)
        say(f"(soak) {text_span(bench.soak_seconds)} of schedules each minute, backfills, commands and kills")
        cpu_begin, _ = soak.daemon.cost()
        soak.run()
        cpu_end, _ = soak.daemon.cost()
        soak.check()
        counts = soak.summary()
    except Failed as failure:
        return [unmeasured(bench, "soak", what, "–", "–", str(failure), "flat", {"points": [vars(p) for p in soak.points] if soak else []})]
    finally:
        if soak:
            soak.daemon.end()
            bench.drop(soak.project)
    say(f"(soak) {dict(counts)}")
    seen = soak.points
    rows = [Row("soak", what, "–", "–", f"{counts['runs']:,} runs, {counts['tries']:,} tries, {counts['kills']} kills, {counts['commands']} commands",
                "–", "–", None, {"counts": dict(counts), "points": [vars(p) for p in seen]}),
            *trend_rows("  memory of the scheduler", seen, bench.soak_seconds, lambda p: p.scheduler),
            *trend_rows("  of its workers, together", seen, bench.soak_seconds, lambda p: p.workers),
            *trend_rows("  of its sessions in Postgres", seen, bench.soak_seconds, lambda p: p.sessions),
            count_row("  descriptors of the scheduler", seen, lambda p: p.descriptors),
            count_row("  threads of the scheduler", seen, lambda p: p.threads),
            Row("soak", "  CPU of the scheduler", "–", "–", f"{(cpu_end - cpu_begin) / counts['tries'] * 1e6:.0f} µs a try", "–", "–", None, {})]
    return rows


WORKS = {"soak": work_soak}
