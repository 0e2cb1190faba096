"""Every fault point, at its first, second, … crossing of a small run, as a death (`kill`) and as an error (`error`):
the run dies or fails; the same command again completes; then lake, state and lineage are those of an undisturbed run.

    sweep.py [--long] [--point NAME] [--crossing N] [--kind kill|error] [--seed S]

Short: the first crossings of each point and a later one, drawn; --long: all of them. What fails prints the command that replays it.
"""
import argparse
import collections
import concurrent.futures
import itertools
import os
import random
import shutil
import sys
import threading
import time

from lab import DATES, Lab, Project, REPO, Tap, age_raw, plan_of_rest

# Each FAULT() of the programs. `--check` compares with the sources, so that a new one is not forgotten.
POINTS = """journal.send journal.sent journal.committed try.send try.result worker.spawn recover.looked recover.commit
stage.make stage.write inputs.link exec.spawn validate.footer commit.probe commit.lock commit.manifest commit.fsync
commit.exchange commit.after_exchange commit.sync_parent commit.record commit.clear commit.after_clear cleanup.remove
catalog.rename""".split()
# Met by others: cluster.rename is of the private server's first start (tests/unit/scheduler/test_db.c), retention's are of
# old history (tests/unit/scheduler/test_retention.c, tests/e2e/gc.bats).
ELSEWHERE = {"cluster.rename", "rebuild.commit", "clear.move", "clear.remove", "clear.forget", "source.watch", "retention.batch",
             "retention.drop", "outbox.send", "outbox.delivered"}
SHORT_CROSSINGS, DRAWN_BELOW = 2, 12
RUN = ["run", "--start", DATES[0], "--end", DATES[-1], "--jobs", "1"]

CONFIG = """layer_dependencies: {dim: [], dwd: [ods], dws: [dwd, dim], ads: [dws]}
sources:
  ods_a: {path: raw/a, options: {columns: {id: BIGINT, amount: BIGINT}}}
"""
TABLES = {
    "ods/ods_a.sql": "SELECT * FROM tmp_ods_a\n-- ${PARTITION_DATE}\n",
    "dwd/dwd_a.sql": "SELECT id, amount FROM ods.ods_a WHERE dt = '${PARTITION_DATE}' AND amount > 0\n",
    "dws/dws_a.sql": "SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM dwd.dwd_a"
                     " WHERE dt BETWEEN '${PARTITION_DATE-6}' AND '${PARTITION_DATE}'\n",
    "ads/ads_a.sql": "SELECT s.dt, s.n, s.amount, e.name FROM dws.dws_a s CROSS JOIN dim.dim_e e\n",
}
# Rows by date: 0 rows on one date before, on another one after.
BEFORE = [{1: 10, 2: 20}, {1: -1}, {3: 30}]
AFTER = [{1: 11, 2: 20, 3: 5}, {1: 7}, {3: -3}]


def write_raw(folder, days):
    for date, rows in zip(DATES, days):
        path = folder / "a" / f"dt={date}" / "a.csv"
        path.parent.mkdir(parents=True)
        path.write_text("id,amount\n" + "".join(f"{i},{a}\n" for i, a in rows.items()), encoding="ascii")


class Sweep:
    def __init__(self):
        self.lab = Lab("fsync=off\nmax_connections=50")  # Postgres itself does not die here
        self.pg, self.numbers = self.lab.pg, itertools.count()
        self.create = threading.Lock()
        for name, days in (("before", BEFORE), ("after", AFTER)):
            write_raw(self.lab.folder / name, days)
        base = Project(self.lab.folder / "base", self.pg, "base")
        self.pg.sql("CREATE DATABASE base")
        base.write("dags/dw_config.yaml", CONFIG)
        for path, text in TABLES.items():
            base.write("dags/" + path, text)
        base.write("dags/dim/dim_e.sh", "#!/bin/sh\nprintf 'name\\nx\\n' > \"$STRATA_OUTPUT_DIR/e.csv\"\n", 0o755)
        base.write("tables.yaml", "tables: {dim_e: {deterministic: true}}\n")
        (base.folder / "raw").symlink_to(self.lab.folder / "before")
        age_raw(base)
        status, output = base.strata(*RUN)
        if status != 0:
            sys.exit(f"the base could not be made: {output}")
        base.write("dags/dim/dim_e.sh", "#!/bin/sh\nprintf 'name\\ny\\n' > \"$STRATA_OUTPUT_DIR/e.csv\"\n", 0o755)
        (base.folder / ".strata/catalog.duckdb").unlink()
        (base.folder / "raw").unlink()
        (base.folder / "raw").symlink_to(self.lab.folder / "after")
        self.base = base
        undisturbed = self.fresh_copy()
        status, output = undisturbed.strata(*RUN)
        if status != 0 or undisturbed.problems():
            sys.exit(f"the undisturbed run: {output} {undisturbed.problems()}")
        self.content, self.lineage = undisturbed.content(), undisturbed.lineage()
        self.remove(undisturbed)

    def fresh_copy(self):
        name = f"s{next(self.numbers)}"
        project = Project(self.lab.folder / name, self.pg, name)
        shutil.copytree(self.base.folder, project.folder, symlinks=True)
        with self.create:  # two copies of one template exclude each other
            self.pg.sql(f"CREATE DATABASE {name} TEMPLATE base")
        return project

    def remove(self, project):
        self.pg.sql(f"DROP DATABASE {project.database} WITH (FORCE)")
        shutil.rmtree(project.folder)

    def scenario(self, point, crossing, kind):
        """(did it fire, what is wrong)"""
        project = self.fresh_copy()
        once = project.folder / ".fired"
        fault = {"STRATA_FAULT": f"{point}:{crossing}:{kind}", "STRATA_FAULT_ONCE": str(once)}
        problems = []
        if point.startswith("recover."):
            # Something to recover: a scheduler that dies with a try under way.
            project.strata(*RUN, STRATA_FAULT="journal.sent:4:kill", STRATA_FAULT_ONCE=str(project.folder / ".first"))
        status, first = project.strata(*RUN, **fault)
        fired = once.exists()
        if not fired and status != 0:
            problems.append(f"no fault, but status {status}: {first}")
        if fired:
            status, output = project.strata(*RUN)
            if status != 0:
                problems.append(f"the same command again: status {status}: {output}\nbefore that: {first}")
        if fired and not problems:
            problems += project.problems()
            content, lineage = project.content(), project.lineage()
            problems += [f"{key}: other rows than undisturbed" for key in self.content.keys() | content.keys()
                         if self.content.get(key) != content.get(key)]
            problems += [f"lineage: {edge}" for edge in self.lineage ^ lineage]
            if not (project.folder / ".strata/catalog.duckdb").exists():
                problems.append("no catalog")
            problems += plan_of_rest(project, *RUN[1:-2])
        if problems and os.environ.get("FAULT_KEEP"):
            print(f"# kept: {project.folder}", flush=True)
        else:
            self.remove(project)
        return fired, problems


def points_of_the_sources():
    found = set()
    for folder in ("base", "core", "executor", "scheduler", "cli"):
        for path in (REPO / folder).glob("*.c"):
            for piece in path.read_text(encoding="utf-8").split('FAULT("')[1:]:
                found.add(piece.split('"')[0])
    return found


def crossings(point, kind, arguments):
    if arguments.crossing:
        return [arguments.crossing]
    if arguments.long:
        return itertools.count(1)
    drawn = random.Random(f"{arguments.seed} {point} {kind}").randint(SHORT_CROSSINGS + 1, DRAWN_BELOW)
    return [*range(1, SHORT_CROSSINGS + 1), drawn]


def sweep_point(sweep, point, arguments):
    """[(what, problems)] for one point, up to its last crossing."""
    results = []
    for kind in [arguments.kind] if arguments.kind else ["kill", "error"]:
        for crossing in crossings(point, kind, arguments):
            try:
                fired, problems = sweep.scenario(point, crossing, kind)
            except Exception as error:  # pylint: disable=broad-except # one that breaks hides no other
                fired, problems = True, [repr(error)]
            if not fired and not problems:
                if crossing == 1:
                    results.append((f"{point}:{crossing}:{kind}", ["never crossed: the sweep shows nothing"]))
                break
            if problems:
                problems.append(f"replay: tests/fault/sweep.py --point {point} --crossing {crossing} --kind {kind}")
            results.append((f"{point}:{crossing}:{kind}", problems))
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--point", choices=POINTS)
    parser.add_argument("--crossing", type=int)
    parser.add_argument("--kind", choices=["kill", "error"])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    tap = Tap()
    print(f"# seed {arguments.seed}", flush=True)
    tap.result([f"not swept, or no more there: {point}" for point in sorted(points_of_the_sources() ^ (set(POINTS) | ELSEWHERE))],
               "every fault point of the sources is swept")
    sweep, met, began = Sweep(), collections.Counter(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        points = [arguments.point] if arguments.point else POINTS
        for results in pool.map(lambda point: sweep_point(sweep, point, arguments), points):
            for what, problems in results:
                tap.result(problems, what)
                met[what.rpartition(":")[2]] += 1
    print(f"# {len(points)} points, crossings met: {dict(met)}, {time.monotonic() - began:.0f} s", flush=True)
    tap.end()


if __name__ == "__main__":
    main()
