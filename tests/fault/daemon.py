"""Kill rounds of the scheduler that stays up: `kill -9` at random instants of the scheduler, a worker, Postgres or all of
them, while it works off a year's `backfill --detach --force` and schedules fire without a pause: one of four days, one of
each minute since yesterday, one of each minute that really comes. In some rounds a standby is up, which takes over; two
readers read all the time (rounds.py). Whoever is next goes on: the ordered run ends with success and each task of it has
one successful try, each interval has exactly one run and none is left out, lake and state agree, and nothing is left over
once the next scheduler has begun. No reader sees two versions mixed, or half of one.

    daemon.py [--years N] [--rounds N] [--long] [--seed S]      N years, so many rounds in each
"""
import argparse
import collections
import datetime
import multiprocessing
import signal
import time

from lab import Lab, Project, Tap, age_raw, seed_from, wait_until
from rounds import DAYS, FILES, ROWS, TARGETS, read_by_glob, read_pinned, reader, strike

ROUNDS, SHORT_YEARS, LONG_YEARS = 8, 1, 14
YEAR = [str(datetime.date(2024, 1, 1) + datetime.timedelta(i)) for i in range(366)]
DAYS_BACK = 4  # so many intervals of the daily schedule are due
STANDBY_CHANCE = 0.4
SPAN = 1.0  # seconds within which a blow falls, at a random instant
UNREACHABLE, LOCKED = 3, 5  # exit statuses: no database; another one has the lake
CONFIG = """layer_dependencies: {{dwd: [ods]}}
defaults: {{retries: 20, retry_delay: 0s}}
sources:
  ods_a: {{path: raw/a, options: {{columns: {{id: BIGINT}}}}}}
schedules:
  daily{n}: {{cron: '0 0 * * *', timezone: UTC, select: [dwd_s], catchup: all, start_date: {days_back}, date_offset: -1}}
  minutes{n}: {{cron: '* * * * *', timezone: UTC, select: [dwd_m], catchup: all, start_date: {yesterday}, date_offset: -1}}
  now{n}: {{cron: '* * * * *', timezone: UTC, select: [dwd_n], catchup: all}}
callbacks:
  told: {{command: 'echo "$STRATA_CALLBACK_KEY" >> told', on: [success]}}
"""


class Scheduler:
    """One `strata scheduler` with its words."""

    def __init__(self, project, number):
        self.log = project.folder.parent / f"scheduler{number}.log"
        with open(self.log, "wb") as output:
            self.process = project.start("scheduler", "--jobs", "2", output=output)

    def is_ready(self):
        return b"scheduler.ready" in self.log.read_bytes()


class Schedulers:
    """As by a service manager: one is always up, or more. Whoever is killed, meets a dead database while it starts, or
    has lost the lake to another is replaced when no other is left."""

    def __init__(self, project):
        self.project, self.up, self.started = project, [], 0

    def start(self):
        self.started += 1
        self.up.append(Scheduler(self.project, self.started))

    def tend(self):
        for scheduler in [s for s in self.up if s.process.poll() is not None]:
            self.up.remove(scheduler)
            if scheduler.process.returncode not in (-signal.SIGKILL, UNREACHABLE, LOCKED):
                raise RuntimeError(f"a scheduler ended with {scheduler.process.returncode}")
        if not self.up:
            self.start()

    def leader(self):
        """The one that has the lake, or is about to."""
        self.tend()
        return next((s for s in self.up if s.is_ready()), self.up[0])

    def is_kept_ready(self):
        return self.leader().is_ready()

    def await_ready(self):
        wait_until(self.is_kept_ready, "a scheduler")

    def end(self):
        """The standbys first, which would take over."""
        leader = self.leader()
        for scheduler in self.up:
            if scheduler is not leader:
                scheduler.process.kill()
                scheduler.process.wait()
        leader.process.send_signal(signal.SIGTERM)
        status = leader.process.wait(timeout=120)
        self.up = []
        return [f"the scheduler ended with {status}"] if status else []

    def kill(self):
        for scheduler in self.up:
            scheduler.process.kill()
            scheduler.process.wait()
        self.up = []

    def words(self):
        first = max(1, self.started - 3)
        logs = [self.project.folder.parent / f"scheduler{n}.log" for n in range(first, self.started + 1)]
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in logs)


def make_project(lab):
    project = Project(lab.folder / "stays", lab.pg, "stays")
    lab.pg.sql("CREATE DATABASE stays")
    for path, text in FILES.items():
        project.write(path, text)
    project.write("dags/dwd/dwd_s.sql", "SELECT '${PARTITION_DATE}' AS day\n")
    for name in "mn":  # never fresh: each interval has a try
        project.write(f"dags/dwd/dwd_{name}.sql", "SELECT now() AS made\n")
    for day in YEAR:
        project.write(f"raw/a/dt={day}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(ROWS)))
    age_raw(project)
    return project


def write_schedules(project, number):
    """New ones for each year, so that their intervals begin anew."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    project.write("dags/dw_config.yaml", CONFIG.format(n=number, days_back=today - datetime.timedelta(days=DAYS_BACK),
                                                       yesterday=today - datetime.timedelta(days=1)))


def order(project, days):
    """The name of the run that is handed over."""
    status, output = project.strata("backfill", "ods_a", "dwd_a", "--force", "--start", days[0], "--end", days[-1], "--detach")
    if status != 0:
        raise RuntimeError(f"backfill --detach: status {status}: {output}")
    return output.split()[-1]


def is_over(project, schedulers, run_id):
    if not schedulers.is_kept_ready():
        return False
    time.sleep(0.05)  # each question is a process of its own, beside those that are watched
    return project.sql_rows(f"SELECT state FROM strata.run WHERE run_id = '{run_id}'") == [{"state": "done"}]


def is_quiet(project, schedulers, number):
    if not schedulers.is_kept_ready():
        return False
    time.sleep(0.05)
    rows = project.sql_rows("SELECT (SELECT count(*) FROM strata.run WHERE state <> 'done') AS runs,"
                            " (SELECT count(*) FROM strata.command WHERE outcome = '') AS commands,"
                            " (SELECT count(*) FROM strata.outbox WHERE outcome = '') AS untold,"
                            f" (SELECT count(*) FROM strata.schedule_interval WHERE schedule = 'daily{number}') AS days")[0]
    return rows["runs"] == rows["commands"] == rows["untold"] == 0 and rows["days"] >= DAYS_BACK


def pause_schedules(project, number):
    for name in (f"minutes{number}", f"now{number}"):
        status, output = project.strata("pause", name)
        if status != 0:
            raise RuntimeError(f"pause {name}: status {status}: {output}")


def run_problems(project, run_id, days):
    found = [str(r) for r in project.sql_rows(
        "SELECT run_id, state, result, (SELECT json_agg(json_build_array(object, from_state, to_state, e.result, cause) ORDER BY epoch, seq)"
        " FROM strata.event e WHERE e.run_id = r.run_id) AS events FROM strata.run r WHERE state <> 'done' OR result <> 'success'")]
    built = project.sql_rows("SELECT table_name, partition, count(*) FROM strata.try"
                             f" WHERE run_id = '{run_id}' AND outcome = 'success' GROUP BY 1, 2")
    if len(built) != 2 * len(days):
        found.append(f"run {run_id} built {len(built)} partitions, not {2 * len(days)}")
    return found + [f"built more than once: {r}" for r in built if r["count"] != 1]


def callback_problems(project):
    told = set((project.folder / "told").read_text().split()) if (project.folder / "told").exists() else set()
    rows = project.sql_rows("SELECT r.run_id, o.key, o.outcome FROM strata.run r LEFT JOIN strata.outbox o USING (run_id)")
    return [f"the end of a run was not told: {r}" for r in rows if r["outcome"] != "delivered" or r["key"] not in told]


def interval_problems(project):
    """Each interval has one run, and of each minute between a schedule's first and last one there is an interval."""
    found = [f"not one run of an interval: {r}" for r in project.sql_rows(
        "SELECT i.schedule, i.at, count(r.run_id) FROM strata.schedule_interval i LEFT JOIN strata.run r"
        " ON r.params->>'schedule' = i.schedule AND to_timestamp((r.params->>'interval')::bigint) = i.at"
        " GROUP BY 1, 2 HAVING count(r.run_id) <> 1")]
    found += [f"a run without its interval: {r}" for r in project.sql_rows(
        "SELECT run_id FROM strata.run r WHERE kind = 'scheduled' AND NOT EXISTS (SELECT FROM strata.schedule_interval i"
        " WHERE i.schedule = r.params->>'schedule' AND i.at = to_timestamp((r.params->>'interval')::bigint))")]
    return found + [f"minutes are left out: {r}" for r in project.sql_rows(
        "SELECT schedule, count(*), min(at), max(at) FROM strata.schedule_interval WHERE schedule NOT LIKE 'daily%' GROUP BY 1"
        " HAVING count(*) <> extract(epoch FROM max(at) - min(at)) / 60 + 1")]


def one_round(project, schedulers, target, chance):
    """What was met: the kill, and who took over."""
    met = []
    standby = chance.random() < STANDBY_CHANCE
    if standby:
        schedulers.start()
    time.sleep(chance.uniform(0, SPAN))  # the random instant itself, not a wait for an event
    leader = schedulers.leader()
    met += [target] * strike(project, leader.process, target, chance)
    if target in ("scheduler", "all"):
        leader.process.wait(timeout=60)
        met += ["with a standby"] * (len(schedulers.up) > 1)
    if target != "postgres" and chance.random() < 0.5:
        schedulers.await_ready()  # else the next blow meets one that starts
    return met


def one_year(project, number, days, targets, chance, kills):
    """Problems of one backfill of these days, beside its schedules, in whose course these are killed."""
    write_schedules(project, number)
    schedulers = Schedulers(project)
    try:
        schedulers.await_ready()
        run_id = order(project, days)
        for target in targets:
            kills.update(one_round(project, schedulers, target, chance))
            over = project.sql_rows("SELECT count(*) FROM strata.run WHERE kind = 'backfill' AND state <> 'done'") == [{"count": 0}]
            kills["after the backfill's end"] += over
        wait_until(lambda: is_over(project, schedulers, run_id), "the backfill's end")
        pause_schedules(project, number)
        wait_until(lambda: is_quiet(project, schedulers, number), "the runs' end")
        problems = schedulers.end() + run_problems(project, run_id, days) + interval_problems(project) + callback_problems(project)
        schedulers.await_ready()  # a worker that is killed while it tidies, after its answer, leaves a folder to the next start
        problems += schedulers.end() + project.problems()
    except RuntimeError as error:
        problems = [str(error)]
    if problems:
        problems.append("the schedulers' words: " + schedulers.words())
        schedulers.kill()
    return problems


def start_readers(project, chance):
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    processes = [multiprocessing.Process(target=reader, args=(str(project.folder), read, chance.random(), stop, results))
                 for read in (read_by_glob, read_pinned)]
    for process in processes:
        process.start()
    return stop, results, processes


def stop_readers(tap, stop, results, processes):
    stop.set()
    for process in processes:
        counts, wrong = results.get(timeout=60)
        tap.result(wrong, f"a reader: {counts['reads']} reads, {counts['overtaken']} overtaken and read again, {len(wrong)} wrong")
    for process in processes:
        process.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--years", type=int)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    years = arguments.years or (LONG_YEARS if arguments.long else SHORT_YEARS)
    chance, tap, lab = seed_from(arguments), Tap(), Lab()
    project, kills = make_project(lab), collections.Counter()
    began = time.monotonic()
    tap.result(one_year(project, 0, DAYS, [], chance, kills), "an undisturbed month beside schedules")
    readers = start_readers(project, chance)
    for number in range(1, years + 1):
        targets = [TARGETS[(number + i) % len(TARGETS)] for i in range(arguments.rounds)]
        chance.shuffle(targets)
        problems = one_year(project, number, YEAR, targets, chance, kills)
        tap.result(problems, f"year {number}: {', '.join(targets)}")
    stop_readers(tap, *readers)
    intervals = project.sql_rows("SELECT count(*), count(*) FILTER (WHERE schedule LIKE 'now%') AS now FROM strata.schedule_interval")[0]
    rounds = years * arguments.rounds
    print(f"# {rounds} rounds, {time.monotonic() - began:.0f} s, {intervals['count']} intervals, {intervals['now']} of them of a real minute",
          flush=True)
    hits = sum(kills[target] for target in TARGETS)
    tap.result([] if hits * 2 > rounds and kills["after the backfill's end"] < rounds else ["too few rounds met a backfill under way"],
               f"kills: {dict(kills)}")
    tap.end()


if __name__ == "__main__":
    main()
