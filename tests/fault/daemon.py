"""Kill rounds of the scheduler that stays up: `kill -9` at random instants of the daemon, a worker, Postgres or all of
them, with a month's `backfill --detach --force` under way and a schedule whose intervals are due. The next daemon goes
on: the ordered run ends with success and each task of it has one successful try, each interval has exactly one run,
the callback of each run's end was told at least once, lake and state agree, and nothing is left over once the next one
has begun.

    daemon.py [--rounds N] [--long] [--seed S]
"""
import argparse
import collections
import datetime
import signal
import time

from lab import Lab, Project, Tap, age_raw, seed_from, wait_until
from rounds import DAYS, FILES, ROWS, TARGETS, strike

SHORT_ROUNDS, LONG_ROUNDS = 8, 100
DAYS_BACK = 4  # so many intervals of a round's schedule are due
STRIKES_MAX = 3
UNREACHABLE = 3  # the exit status when there is no database
CONFIG = """layer_dependencies: {{dwd: [ods]}}
defaults: {{retries: 5, retry_delay: 0s}}
sources:
  ods_a: {{path: raw/a, options: {{columns: {{id: BIGINT}}}}}}
schedules:
  {name}: {{cron: '0 0 * * *', timezone: UTC, select: [dwd_s], catchup: all, start_date: {start}, date_offset: -1}}
callbacks:
  told: {{command: 'echo "$STRATA_CALLBACK_KEY" >> told', on: [success]}}
"""


class Daemon:
    """`strata scheduler`, started again whenever it was killed; its words are kept for when something is wrong."""

    def __init__(self, project):
        self.project, self.log = project, project.folder.parent / "daemon.log"
        self.log.write_bytes(b"")
        self.ready, self.process = 0, None

    def start(self):
        self.ready = self.log.read_bytes().count(b"scheduler.ready") + 1
        with open(self.log, "ab") as output:
            self.process = self.project.start("scheduler", "--jobs", "2", output=output)

    def is_ready(self):
        return self.log.read_bytes().count(b"scheduler.ready") >= self.ready

    def is_kept_ready(self):
        """As by a service manager: one that met a dead database while it started is started again."""
        ready = self.is_ready()
        if self.process.poll() is not None:
            if ready or self.process.returncode != UNREACHABLE:
                raise RuntimeError(f"the scheduler ended with {self.process.returncode}")
            self.start()
        return ready

    def go_on(self):
        """One is up and ready, the one that was or another."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        wait_until(self.is_kept_ready, "a scheduler")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=120)
        return [f"the scheduler ended with {status}"] if status else []

    def words(self):
        return self.log.read_text(errors="replace")[-4000:]


def make_project(lab):
    project = Project(lab.folder / "stays", lab.pg, "stays")
    lab.pg.sql("CREATE DATABASE stays")
    for path, text in FILES.items():
        project.write(path, text)
    project.write("dags/dwd/dwd_s.sql", "SELECT '${PARTITION_DATE}' AS day\n")
    for day in DAYS:
        project.write(f"raw/a/dt={day}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(ROWS)))
    age_raw(project)
    return project


def order(project):
    """The name of the run that is handed over."""
    status, output = project.strata("backfill", "ods_a", "dwd_a", "--force", "--start", DAYS[0], "--end", DAYS[-1], "--detach")
    if status != 0:
        raise RuntimeError(f"backfill --detach: status {status}: {output}")
    return output.split()[-1]


def unfinished(project, name):
    rows = project.sql_rows("SELECT (SELECT count(*) FROM strata.run WHERE state <> 'done') AS runs,"
                            " (SELECT count(*) FROM strata.command WHERE outcome = '') AS commands,"
                            " (SELECT count(*) FROM strata.outbox WHERE outcome = '') AS untold,"
                            f" (SELECT count(*) FROM strata.schedule_interval WHERE schedule = '{name}') AS intervals")[0]
    return rows["runs"] + rows["commands"] + rows["untold"] + max(0, DAYS_BACK - rows["intervals"])


def run_problems(project, run_id, name):
    found = [str(r) for r in project.sql_rows("SELECT run_id, state, result FROM strata.run WHERE state <> 'done' OR result <> 'success'")]
    built = project.sql_rows("SELECT table_name, partition, count(*) FROM strata.try"
                             f" WHERE run_id = '{run_id}' AND outcome = 'success' GROUP BY 1, 2")
    if len(built) != 2 * len(DAYS):
        found.append(f"run {run_id} built {len(built)} partitions")
    found += [f"built more than once: {r}" for r in built if r["count"] != 1]
    found += [f"not one run of an interval: {r}" for r in project.sql_rows(
        "SELECT i.schedule, i.at, count(r.run_id) FROM strata.schedule_interval i LEFT JOIN strata.run r"
        " ON r.params->>'schedule' = i.schedule AND to_timestamp((r.params->>'interval')::bigint) = i.at"
        " GROUP BY 1, 2 HAVING count(r.run_id) <> 1")]
    told = set((project.folder / "told").read_text().split()) if (project.folder / "told").exists() else set()
    rows = project.sql_rows("SELECT r.run_id, o.key, o.outcome FROM strata.run r LEFT JOIN strata.outbox o USING (run_id)")
    found += [f"the end of a run was not told: {r}" for r in rows if r["outcome"] != "delivered" or r["key"] not in told]
    intervals = project.sql_rows(f"SELECT count(*) FROM strata.run WHERE params->>'schedule' = '{name}'")[0]["count"]
    if intervals < DAYS_BACK:
        found.append(f"schedule {name} has {intervals} runs")
    return found


def one_round(project, number, targets, span, chance):
    """(kills that met something alive, problems)"""
    name = f"s{number}"
    start = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=DAYS_BACK)
    project.write("dags/dw_config.yaml", CONFIG.format(name=name, start=start))
    daemon, hits = Daemon(project), []
    try:
        daemon.go_on()
        run_id = order(project)
        for target in targets:
            time.sleep(chance.uniform(0, span))  # the random instant itself, not a wait for an event
            hits += [target] * strike(project, daemon.process, target, chance)
            if target in ("scheduler", "all"):
                daemon.process.wait(timeout=60)
            if daemon.process.poll() is not None:
                daemon.start()
            if target != "postgres" and chance.random() < 0.5:
                wait_until(daemon.is_kept_ready, "a scheduler")  # else the next blow meets one that starts
        wait_until(lambda: is_done(project, daemon, name), "the runs' end")
        problems = daemon.end() + run_problems(project, run_id, name)
        daemon.go_on()  # a worker that is killed while it tidies, after its answer, leaves a folder to the next start
        problems += daemon.end() + project.problems()
    except RuntimeError as error:
        problems = [str(error)]
    if problems:
        problems.append("the schedulers' words: " + daemon.words())
        daemon.process.kill()
        daemon.process.wait()
    return hits, problems


def is_done(project, daemon, name):
    if not daemon.is_kept_ready():
        return False
    time.sleep(0.05)  # each question is a process of its own, beside those that are watched
    return unfinished(project, name) == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    rounds = arguments.rounds or (LONG_ROUNDS if arguments.long else SHORT_ROUNDS)
    chance, tap, lab = seed_from(arguments), Tap(), Lab()
    project = make_project(lab)
    began = time.monotonic()
    _, problems = one_round(project, 0, [], 0, chance)
    span = time.monotonic() - began
    tap.result(problems, "an undisturbed backfill beside a schedule")
    kills = collections.Counter()
    for number in range(1, rounds + 1):
        targets = [TARGETS[number % len(TARGETS)]] + [chance.choice(TARGETS) for _ in range(chance.randrange(STRIKES_MAX))]
        hits, problems = one_round(project, number, targets, span / len(targets) / 2, chance)
        kills.update(hits)
        tap.result(problems, f"round {number}: {', '.join(targets)}")
    print(f"# {rounds} rounds, {time.monotonic() - began:.0f} s", flush=True)
    tap.result([] if sum(kills.values()) * 2 > rounds else ["too few rounds met something alive"], f"kills: {dict(kills)}")
    tap.end()


if __name__ == "__main__":
    main()
