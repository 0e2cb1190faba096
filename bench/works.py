"""The works (a) to (g): each runs strata and its floor turn by turn and gives rows of the final table.

A work is a function of a Bench that returns rows. A figure is a median over rounds; a ratio is one of medians
of the same rounds. What was not measured is said to be so: no figure is ever carried over.
"""
import os
import shutil
import subprocess
import sys
import time
from typing import NamedTuple, Optional

import generate
from measure import Failed, count_published, median, rss_of, text_seconds, tree_of

DAY = "2026-01-01"
MB = 1 << 20


class Row(NamedTuple):
    work: str
    what: str
    floor: str
    peer: str
    strata: str
    ratio: str
    aim: str
    met: Optional[bool]  # None: nothing to compare
    samples: dict        # of seconds or bytes, as measured


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def unmeasured(bench, work, what, floor, peer, why, aim, samples):
    """The row of a work whose strata could not be measured: it says why, and the bench's status will."""
    bench.failures += 1
    say(f"({work}) {why}")
    return Row(work, what, floor, peer, why if len(why) < 40 else "failed, said above", "–", aim, None, samples)


def project_of(bench, name, tables, catalog=False):
    """A project with its cluster up, so that neither initdb nor the server's start is measured."""
    project = bench.folder(name)
    generate.write_strata(project, tables, catalog)
    bench.timed(bench.strata(project, "db", "start"))
    return project


def floor_tasks(bench, plan, want, *options):
    lake = bench.folder("floor-lake")
    took = bench.timed([f"{bench.bin}/floor", "tasks", *options, plan, lake])
    if count_published(lake) != want:
        raise Failed(f"the floor published {count_published(lake)} of {want}")
    return took.seconds


def dbt_program(bench):
    """The program, or why there is none."""
    made = subprocess.run([f"{bench.root}/bench/dbt.sh", bench.cache], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if made.returncode:
        return None, f"dbt could not be installed: {(made.stderr.strip().splitlines() or ['?'])[-1][:60]}"
    return os.path.abspath(made.stdout.strip()), None


def dbt_run(bench, program, project):
    return bench.timed([program, "--quiet", "run", "--threads", "4", "--profiles-dir", project, "--project-dir", project],
                       cwd=project).seconds


# The three floors: one loop with one DuckDB thread and with two are what the aim is about (the faster one
# counts); two loops side by side show what the machine could do with the same commits.
FLOORS = {"one loop": (), "one loop, 2 threads": ("--threads", "2"), "two loops": ("--loops", "2")}


def against_loop(bench, work, what, aim, plan, want, strata_once, peer_once=None, peer_rounds=2):
    samples = {name: [] for name in FLOORS}
    samples.update(strata=[], peer=[])
    why, peer_text = bench.missing(), "–"
    program = None
    if peer_once:
        program, peer_text = dbt_program(bench)
    for n in range(bench.rounds):
        say(f"({work}) round {n + 1} of {bench.rounds}")
        for name, options in FLOORS.items():
            samples[name].append(floor_tasks(bench, plan, want, *options))
        if not why:
            try:
                samples["strata"].append(strata_once())
            except Failed as failure:
                why = str(failure)
        if program and n < peer_rounds:
            samples["peer"].append(peer_once(program))
    best = min(("one loop", "one loop, 2 threads"), key=lambda name: median(samples[name]))
    base = median(samples[best])
    if samples["peer"]:
        peer_text = f"dbt {text_seconds(median(samples['peer']))}"
    rows = []
    if why:
        rows.append(unmeasured(bench, work, what, f"{text_seconds(base)} ({best})", peer_text, why, f"≤ {aim} ×", samples))
    else:
        took = median(samples["strata"])
        rows.append(Row(work, what, f"{text_seconds(base)} ({best})", peer_text, text_seconds(took), f"{took / base:.2f} ×",
                        f"≤ {aim} ×", took / base <= aim, samples))
    for name in FLOORS:
        if name != best:
            other = median(samples[name])
            ratio = "–" if why else f"{median(samples['strata']) / other:.2f} ×"
            rows.append(Row(work, f"  beside {name}", text_seconds(other), "", "", ratio, "–", None, {}))
    return rows


def work_a(bench):
    tables = generate.layered(200)
    plan = f"{bench.work}/a.plan"
    generate.write_plan(plan, tables)

    def strata_once():
        project = project_of(bench, "a", tables)
        try:
            took = bench.timed(bench.strata(project, "run", "--date", DAY))
            expect_published(project, len(tables))
        finally:
            bench.drop(project)
        return took.seconds

    def dbt_once(program):
        project = bench.folder("dbt")
        generate.write_dbt(project, tables)
        return dbt_run(bench, program, project)

    return against_loop(bench, "a", "200 tiny SQL tables, 5 layers, new", 1.5, plan, len(tables), strata_once, dbt_once)


def expect_published(project, want):
    got = count_published(project)
    if got != want:
        raise Failed(f"strata published {got} of {want} partitions")


def inodes(project):
    return sorted((path, os.stat(os.path.join(path, "_SUCCESS")).st_ino) for layer in generate.LAYERS
                  for path, _, files in os.walk(os.path.join(project, layer)) if "_SUCCESS" in files)


def work_b(bench):
    what, aim = "200 tables again, nothing changed", "≤ 120 ms"
    program, peer_text = dbt_program(bench)
    if program:
        dbt_project = bench.folder("dbt")
        generate.write_dbt(dbt_project, generate.layered(200))
        dbt_run(bench, program, dbt_project)
        peer = [dbt_run(bench, program, dbt_project) for _ in range(2)]
        peer_text = f"dbt {text_seconds(median(peer))}"
    if bench.missing():
        return [unmeasured(bench, "b", what, "–", peer_text, bench.missing(), aim, {})]
    project = project_of(bench, "b", generate.layered(200))
    rows = []
    try:
        again = bench.strata(project, "run", "--date", DAY)
        bench.timed(again)
        before = inodes(project)
        for label, earlier in (("", 0), (", after 100 runs", 100)):
            for n in range(earlier):
                if n % 20 == 0:
                    say(f"(b) earlier run {n + 1} of {earlier}, every fifth forced")
                bench.timed(again + (["--force"] if n % 5 == 0 else []))
            if earlier:
                before = inodes(project)
            took = [bench.timed(again).seconds for _ in range(3 * bench.rounds)]
            if inodes(project) != before:
                raise Failed("the second run rebuilt something")
            rows.append(Row("b", what + label, "–", "" if earlier else peer_text, text_seconds(median(took)), "–", aim,
                            median(took) <= 0.120, {"strata": took}))
    except Failed as failure:
        rows.append(unmeasured(bench, "b", what, "–", peer_text, str(failure), aim, {}))
    finally:
        bench.drop(project)
    return rows


def work_c(bench):
    tables, days = generate.daily(), generate.dates(DAY, 90)
    plan = f"{bench.work}/c.plan"
    generate.write_plan(plan, tables, days)
    want = len(tables) * len(days)

    def strata_once():
        project = project_of(bench, "c", tables)
        try:
            took = bench.timed(bench.strata(project, "backfill", "--start", days[0], "--end", days[-1]))
            expect_published(project, want)
        finally:
            bench.drop(project)
        return took.seconds

    return against_loop(bench, "c", "backfill 90 dates × 5 tables", 1.5, plan, want, strata_once)


def work_d(bench):
    count = 10000
    tables = generate.layered(count)
    project = bench.folder("d")
    generate.write_strata(project, tables, catalog=True)
    files = f"{bench.work}/d.list"
    with open(files, "w", encoding="utf-8") as out:
        out.writelines(f"{project}/dags/{t.layer}/{t.name}.sql\n" for t in tables)
    parse = [f"{bench.bin}/floor", "parse", files]
    what = f"plan {count:,} tables"
    samples = {"floor": [], "cold": [], "warm": [], "peak": [], "tree": []}
    plan = bench.strata(project, "plan", "--date", DAY)
    cache = f"{project}/.strata/cache"
    why = bench.missing()
    try:
        if not why:
            bench.timed(bench.strata(project, "db", "start"))
        for n in range(bench.rounds):
            say(f"(d) round {n + 1} of {bench.rounds}")
            samples["floor"].append(bench.timed(parse).seconds)
            if why:
                continue
            shutil.rmtree(cache, ignore_errors=True)
            cold = bench.timed(plan)
            if not os.path.isdir(cache):
                raise Failed("plan left no analysis cache in .strata/cache")
            samples["cold"].append(cold.seconds)
            samples["peak"].append(cold.peak)
            for _ in range(3):
                warm = bench.timed(plan)
                samples["warm"].append(warm.seconds)
                samples["peak"].append(warm.peak)
            if f"t{count // 5 - 1:05d}" not in cold.output:
                raise Failed("the plan does not name the last table")
        if not why:  # on its own: looking at /proc would slow what is timed
            shutil.rmtree(cache, ignore_errors=True)
            bench.watched(plan, lambda pid: samples["tree"].append(sum(map(rss_of, tree_of(pid)))), 0.01)
    except Failed as failure:
        why = str(failure)
    finally:
        bench.drop(project)
    floor = f"{text_seconds(median(samples['floor']))} (parse only)" if samples["floor"] else "–"
    if why:
        return [unmeasured(bench, "d", what, floor, "–", why, "≤ 1.2 s, 200 ms, 100 MB", samples)]
    cold, warm, peak = median(samples["cold"]), median(samples["warm"]), max(samples["peak"])
    return [
        Row("d", what + ", cold", floor, "–", text_seconds(cold), f"{cold / median(samples['floor']):.2f} ×", "≤ 1.2 s", cold <= 1.2, samples),
        Row("d", what + ", warm", "–", "–", text_seconds(warm), "–", "≤ 200 ms", warm <= 0.2, {}),
        Row("d", "  memory, largest process", "–", "–", f"{peak / MB:.0f} MB", "–", "≤ 100 MB", peak <= 100 * MB, {}),
        Row("d", "  memory, cold, workers added", "–", "–", f"{max(samples['tree'], default=0) / MB:.0f} MB", "–", "–", None, {}),
    ]


def query(bench, conninfo, sql):
    """Rows of one column, as text."""
    return bench.timed(["psql", conninfo, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).output.split()


LAST_RUN = "(SELECT run_id FROM strata.run ORDER BY created_at DESC LIMIT 1)"


def work_e(bench):
    count = 1000
    makefile = f"{bench.work}/e.mk"
    generate.write_makefile(makefile, count)
    numbers = f"{bench.work}/e.numbers"
    generate.write(numbers, "".join(f"{i}\n" for i in range(count)))
    samples = {"make": [], "xargs": [], "strata": []}
    why = bench.missing()
    project = bench.folder("e")
    generate.write_actions(project, count)
    try:
        if not why:
            bench.timed(bench.strata(project, "db", "start"))
        for n in range(bench.rounds):
            say(f"(e) round {n + 1} of {bench.rounds}")
            samples["make"].append(bench.timed(["make", "-s", "-j8", "-f", makefile]).seconds)
            samples["xargs"].append(bench.timed(["xargs", "-P8", "-n1", "-a", numbers, "/bin/true"]).seconds)
            if why:
                continue
            samples["strata"].append(bench.timed(bench.strata(project, "run", "--date", DAY, "--jobs", "8")).seconds)
            done = query(bench, bench.conninfo(project),
                         f"SELECT count(*) FROM strata.try WHERE outcome = 'success' AND run_id = {LAST_RUN}")
            if done != [str(count)]:
                raise Failed(f"{done[0]} of {count} tries are recorded as successes")
    except Failed as failure:
        why = str(failure)
    finally:
        bench.drop(project)
    what, aim = f"{count:,} × /bin/true, 8 at a time", "≥ 0.5 × make's rate"
    make, xargs = median(samples["make"]), median(samples["xargs"])
    floor = f"make -j8 {text_seconds(make)}"
    peer = f"xargs -P8 {text_seconds(xargs)}"
    if why:
        return [unmeasured(bench, "e", what, floor, peer, why, aim, samples)]
    took = median(samples["strata"])
    return [Row("e", what, floor, peer, f"{text_seconds(took)}, {count / took:.0f}/s", f"{make / took:.2f} ×", aim, make / took >= 0.5, samples)]


# From the end of a task as it was recorded to the worker's word that the next one is running: both commits
# lie between. Where a try has no such word, its start as it was recorded.
GAPS = f"""SELECT extract(epoch FROM gap) FROM (
    SELECT coalesce(running_at, started_at) - lag(ended_at) OVER (ORDER BY table_name) AS gap
    FROM strata.try WHERE run_id = {LAST_RUN}) AS g WHERE gap IS NOT NULL"""
STARTS = GAPS.replace("coalesce(running_at, started_at)", "started_at")


def work_f(bench):
    count = 100
    tables = generate.chain(count)
    plan = f"{bench.work}/f.plan"
    generate.write_plan(plan, tables)
    samples = {"floor": [], "strata": [], "commit": [], "gap": [], "gap to the recorded start": []}
    why = bench.missing()
    for n in range(bench.rounds):
        say(f"(f) round {n + 1} of {bench.rounds}")
        samples["floor"].append(floor_tasks(bench, plan, count))
        if why:
            continue
        project = bench.folder("f")
        try:
            generate.write_strata(project, tables)
            bench.timed(bench.strata(project, "db", "start"))
            conninfo = bench.conninfo(project)
            commits = [f"{bench.bin}/commits", conninfo, "300"]
            before = bench.timed(commits).output.split()
            samples["strata"].append(bench.timed(bench.strata(project, "run", "--date", DAY)).seconds)
            after = bench.timed(commits).output.split()
            samples["commit"].append((float(before[1]) + float(after[1])) / 2)
            gaps = [float(x) for x in query(bench, conninfo, GAPS)]
            starts = [float(x) for x in query(bench, conninfo, STARTS)]
            if len(gaps) != count - 1:
                raise Failed(f"{len(gaps)} gaps are recorded, not {count - 1}")
            samples["gap"].append(median(gaps))
            samples["gap to the recorded start"].append(median(starts))
        except Failed as failure:
            why = str(failure)
        finally:
            bench.drop(project)
    what = f"chain of {count} tables: median gap"
    if why:
        return [unmeasured(bench, "f", what, "–", "–", why, "≤ 2 ms + 2 commits", samples)]
    gap, commit = median(samples["gap"]), median(samples["commit"])
    bound = 0.002 + 2 * commit
    return [
        Row("f", what, f"one commit {text_seconds(commit)}", "–", text_seconds(gap), f"{gap / bound:.2f} × the bound",
            f"≤ 2 ms + 2 commits = {text_seconds(bound)}", gap <= bound, samples),
        Row("f", "  to the start as recorded", "–", "–", text_seconds(median(samples["gap to the recorded start"])), "–", "–", None, {}),
        Row("f", "  the whole chain", f"{text_seconds(median(samples['floor']))} (one loop)", "–", text_seconds(median(samples["strata"])),
            f"{median(samples['strata']) / median(samples['floor']):.2f} ×", "–", None, {}),
    ]


class Memory:
    """Resident memory of strata and of its workers, by the number of partitions that are published."""

    def __init__(self, lake, tables):
        self.folders = [os.path.join(lake, name.split("_")[0], name) for name in tables]
        self.points = []  # (published, strata's bytes, its workers' bytes)

    def __call__(self, pid):
        published = 0
        for folder in self.folders:
            try:
                published += len(os.listdir(folder))
            except OSError:
                pass
        self.points.append((published, rss_of(pid), sum(rss_of(p) for p in tree_of(pid)[1:])))

    def thirds(self, column):
        """Median bytes in the first and in the last third, and the growth in bytes per 1,000 partitions."""
        points = [p for p in self.points if p[0] > 0]
        if len(points) < 9:
            raise Failed(f"{len(points)} samples of memory are too few")
        end = points[-1][0]
        first = [p for p in points if p[0] <= end / 3]
        last = [p for p in points if p[0] > 2 * end / 3]
        low, high = median([p[column] for p in first]), median([p[column] for p in last])
        distance = median([p[0] for p in last]) - median([p[0] for p in first])
        return low, high, (high - low) * 1000 / max(distance, 1)


# As strata may publish: each date by itself, or so many of a table at once.
YEAR_FLOORS = {"one loop": (), "one loop, 8 dates a sync": ("--together", "8")}


def year_floors(bench, project):
    """The same queries over the same inputs, as the manifests name them, in one DuckDB with one connection."""
    plan = f"{bench.work}/g.plan"
    count = generate.write_sample_plan(plan, project)
    say(f"(g) the loop, {count} partitions")
    return {name: floor_tasks(bench, plan, count, *options) for name, options in YEAR_FLOORS.items()}


def work_g(bench):
    what = "the whole year of the sample"
    year = f"{bench.cache}/year"
    if bench.missing():
        return [unmeasured(bench, "g", what, "–", "–", bench.missing(), "memory does not grow", {})]
    bench_project = bench.folder("g")
    try:
        bench.timed([f"{bench.root}/infra/whole-year.sh", year])
        for name in ("dags", "tables.yaml"):
            copy = shutil.copytree if name == "dags" else shutil.copy
            copy(f"{bench.root}/{name}", f"{bench_project}/{name}")
        shutil.copytree(f"{year}/raw", f"{bench_project}/raw")
        time.sleep(2)  # RAW younger than that counts as dirty, and its tables would not be fresh
        bench.timed(bench.strata(bench_project, "db", "start"))
        daily = [f[:-4] for _, _, files in os.walk(f"{bench.root}/dags") for f in files
                 if f.endswith(".sql") and "PARTITION_DATE" in read(bench, f)]
        memory = Memory(bench_project, daily)
        say(f"(g) {len(daily)} tables a day, 365 days")
        took = bench.watched(bench.strata(bench_project, "backfill", "--start", "2013-01-01", "--end", "2013-12-31"), memory, 0.2)
        partitions = count_published(bench_project)
        floors = year_floors(bench, bench_project)
        name, base = min(floors.items(), key=lambda item: item[1])
        rows = [Row("g", what, f"{text_seconds(base)} ({name})", "–",
                    f"{partitions} partitions in {text_seconds(took.seconds)}, {partitions / took.seconds:.0f}/s",
                    f"{took.seconds / base:.2f} ×", "≤ 1.5 ×", took.seconds <= 1.5 * base,
                    {"strata": [took.seconds], "points": memory.points, "floors": floors})]
        rows += [Row("g", f"  beside {other}", text_seconds(seconds), "", "", f"{took.seconds / seconds:.2f} ×", "–", None, {})
                 for other, seconds in floors.items() if other != name]
        for label, column in (("strata", 1), ("its workers", 2)):
            low, high, slope = memory.thirds(column)
            rows.append(Row("g", f"  memory of {label}, first → last third", "–", "–",
                            f"{low / MB:.1f} → {high / MB:.1f} MB, {slope / MB:+.2f} MB per 1,000", f"{high / low:.2f} ×", "≤ 1.10 ×",
                            high / low <= 1.10, {}))
        return rows
    except Failed as failure:
        return [unmeasured(bench, "g", what, "–", "–", str(failure), "memory does not grow", {})]
    finally:
        bench.drop(bench_project)


def read(bench, name):
    with open(f"{bench.root}/dags/{name.split('_')[0]}/{name}", encoding="utf-8") as file:
        return file.read()


WORKS = {"a": work_a, "b": work_b, "c": work_c, "d": work_d, "e": work_e, "f": work_f, "g": work_g}
