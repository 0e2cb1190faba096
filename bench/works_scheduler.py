"""The works (h), (i) and (j): the scheduler that stays up, idle, taking a large order, and with many small tasks.

It is one process beside its workers; what (h) and (i) count is that process alone.
"""
import concurrent.futures
import contextlib
import os
import re
import signal

import generate
from measure import Failed, cost_of, median, rss_of, text_seconds, until
from works import DAY, LAST_RUN, MB, Row, query, say, unmeasured

READY_SECONDS, SETTLE_SECONDS, IDLE_SECONDS = 60, 5, 30
TABLES, SCHEDULES, DATES = 1000, 100, 1000
ANSWERS = 40  # commands of the idle scheduler
ACTIONS, IN_FLIGHT, RATE_CAP = 2000, 8, 2000


class Daemon:
    """`strata scheduler` of a project, with what it says in a file."""

    def __init__(self, bench, project, jobs=2):
        self.bench = bench
        self.log = f"{project}/scheduler.log"
        with open(self.log, "wb") as log:
            self.child = bench.start(bench.strata(project, "scheduler", "--jobs", str(jobs), "--log-format", "json"), None, log, log)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_ready(self):
        until(lambda: "scheduler.ready" in self.said() or self.child.poll() is not None, READY_SECONDS)
        if "scheduler.ready" not in self.said():
            raise Failed("the scheduler did not get ready: " + " / ".join(self.said().splitlines()[-3:]))

    def end(self):
        """What it runs is stopped, too."""
        if self.child.returncode is None:
            for _ in range(2):
                os.kill(self.child.pid, signal.SIGTERM)
                until(lambda: "scheduler.draining" in self.said(), 5)
            self.bench.wait(self.child)

    def cost(self):
        return cost_of(self.child.pid)


@contextlib.contextmanager
def daemon_of(bench, name, days):
    """A scheduler of daily tables, a fifth of them with files in RAW on these days, and of schedules that are all hours
    away."""
    project = bench.folder(name)
    tables = generate.layered(TABLES, partitioned=True)
    generate.write_strata(project, tables)
    generate.write_sources(project, tables, days)
    generate.write_schedules(project, SCHEDULES)
    daemon = None
    try:
        bench.timed(bench.strata(project, "db", "start"))
        bench.timed(bench.strata(project, "validate"))  # so that the cache of analyses is filled, as it is in daily life
        daemon = Daemon(bench, project)
        daemon.wait_ready()
        yield project, daemon
    finally:
        if daemon:
            daemon.end()
        bench.drop(project)


def work_h(bench):
    what = f"idle, {TABLES:,} tables, {SCHEDULES} schedules"
    if bench.missing():
        return [unmeasured(bench, "h", what, "–", "–", bench.missing(), "≤ 40 MB", {})]
    say(f"(h) {SETTLE_SECONDS + IDLE_SECONDS} s of nothing")
    try:
        with daemon_of(bench, "h", [DAY]) as (_, daemon):
            until(lambda: False, SETTLE_SECONDS)
            cpu, sleeps = daemon.cost()
            until(lambda: False, IDLE_SECONDS)
            cpu_end, sleeps_end = daemon.cost()
            resident = rss_of(daemon.child.pid)
    except Failed as failure:
        return [unmeasured(bench, "h", what, "–", "–", str(failure), "≤ 40 MB", {})]
    per_minute = 60 / IDLE_SECONDS
    ms, wakes = (cpu_end - cpu) * 1000 * per_minute, (sleeps_end - sleeps) * per_minute
    samples = {"resident": [resident], "cpu_ms": [ms], "wake_ups": [wakes]}
    return [
        Row("h", what + ": memory", "–", "–", f"{resident / MB:.1f} MB", "–", "≤ 40 MB", resident <= 40 * MB, samples),
        Row("h", "  CPU a minute", "–", "–", f"{ms:.1f} ms", "–", "≤ 10 ms", ms <= 10, {}),
        Row("h", "  wake-ups a minute", "–", "–", f"{wakes:.0f}", "–", "≤ 5", wakes <= 5, {}),
    ]


def answers(bench, project, more):
    """How long each `pause` and `unpause` of a schedule took, from fork to exit, as long as there are to be more."""
    seconds = []
    while more(len(seconds)):
        word = ("pause", "unpause")[len(seconds) % 2]
        seconds.append(bench.timed(bench.strata(project, word, "daily000")).seconds)
    return seconds


def answers_while_planned(bench, project, backfill):
    """The same while the order is planned: of those that began before it was accepted."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        order = pool.submit(bench.timed, backfill)
        seconds = answers(bench, project, lambda _: not order.done())
        order.result()
    return seconds


def work_i(bench):
    tasks = TABLES * DATES
    what, aim = f"backfill of {TABLES:,} × {DATES:,} tasks accepted", "< 5 s"
    samples = {"accepted": [], "bytes a task": [], "answer, idle": [], "answer, planning": []}
    if bench.missing():
        return [unmeasured(bench, "i", what, "–", "–", bench.missing(), aim, samples)]
    days = generate.dates("2020-01-01", DATES)
    try:
        for n in range(bench.rounds):
            say(f"(i) round {n + 1} of {bench.rounds}")
            with daemon_of(bench, "i", days[-10:]) as (project, daemon):
                samples["answer, idle"] += answers(bench, project, lambda n: n < ANSWERS)
                backfill = bench.strata(project, "backfill", "--start", days[0], "--end", days[-1], "--detach")
                before = rss_of(daemon.child.pid)
                took = bench.timed(backfill)
                after = rss_of(daemon.child.pid)
                samples["answer, planning"] += answers_while_planned(bench, project, backfill)
                if not re.search(rf'"tasks":\s*"?{tasks}\b', daemon.said()):
                    raise Failed("the scheduler did not begin a run of that many tasks")
            samples["accepted"].append(took.seconds)
            samples["bytes a task"].append((after - before) / tasks)
    except Failed as failure:
        return [unmeasured(bench, "i", what, "–", "–", str(failure), aim, samples)]
    took, size = median(samples["accepted"]), median(samples["bytes a task"])
    return [
        Row("i", what, "–", "–", text_seconds(took), "–", aim, took < 5, samples),
        Row("i", "  resident, more than before", "–", "–", f"{size:.0f} bytes a task", "–", "≤ 100", size <= 100, {}),
        *(Row("i", f"  a command's answer, {when}: median, worst", "–", "–",
              f"{text_seconds(median(seconds))}, {text_seconds(max(seconds))}", "–", "≤ 0.1 s", max(seconds) <= 0.1, {})
          for when, seconds in (("idle", samples["answer, idle"]), ("while another such order is planned", samples["answer, planning"]))),
    ]


# From the first try's start to the last one's end, as they were recorded.
SPAN = f"""SELECT count(*) FILTER (WHERE outcome = 'success') || ' ' || extract(epoch FROM max(ended_at) - min(started_at))
    FROM strata.try WHERE run_id = {LAST_RUN}"""


def actions_once(bench, samples, sql):
    """Two runs beside one scheduler: the second one finds the workers up."""
    project = bench.folder("j")
    generate.write_actions(project, ACTIONS, sql)
    daemon = None
    try:
        bench.timed(bench.strata(project, "db", "start"))
        conninfo = bench.conninfo(project)
        daemon = Daemon(bench, project, IN_FLIGHT)
        daemon.wait_ready()
        commits = [f"{bench.bin}/commits", conninfo, "300"]
        run = bench.strata(project, "run", "--date", DAY, "--quiet")
        bench.timed(run)
        before = bench.timed(commits).output.split()
        bench.timed(run)
        after = bench.timed(commits).output.split()
        done, seconds = query(bench, conninfo, SPAN)
        if done != str(ACTIONS):
            raise Failed(f"{done} of {ACTIONS} tries are recorded as successes")
    finally:
        if daemon:
            daemon.end()
        bench.drop(project)
    samples["commit"].append((float(before[1]) + float(after[1])) / 2)
    samples["strata"].append(float(seconds))


def work_j(bench):
    aim = f"≥ 0.7 × {IN_FLIGHT} / (2 commits), at most {RATE_CAP:,}/s"
    rows = []
    for what, sql in ((f"{ACTIONS:,} × SELECT 1 through a scheduler, {IN_FLIGHT} at a time", True), ("  the same, /bin/true", False)):
        samples = {"strata": [], "commit": []}
        why = bench.missing()
        try:
            for n in range(0 if why else bench.rounds):
                say(f"(j) {'SQL' if sql else 'processes'}, round {n + 1} of {bench.rounds}")
                actions_once(bench, samples, sql)
        except Failed as failure:
            why = str(failure)
        if why:
            rows.append(unmeasured(bench, "j", what, "–", "–", why, aim, samples))
            continue
        commit, rate = median(samples["commit"]), ACTIONS / median(samples["strata"])
        bound = min(IN_FLIGHT / (2 * commit), RATE_CAP)
        rows.append(Row("j", what, f"{bound:.0f}/s (one commit {text_seconds(commit)})", "–", f"{rate:.0f}/s", f"{rate / bound:.2f} ×",
                        aim if sql else "–", rate >= 0.7 * bound if sql else None, samples))
    return rows


WORKS = {"h": work_h, "i": work_i, "j": work_j}
