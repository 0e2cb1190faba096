"""Every call of a small run that writes below the project fails once, in turn, with EIO or with ENOSPC, or from there on
as on a full disk. Each time: the run ends by itself with 0 (what failed did not matter), 1 or 3 and says why; nothing is
half-published; and the same command completes afterwards, with the lake and the state of an undisturbed run.

    syscalls.py [--long] [--program strata|strata-worker] [--n N] [--how eio:once|enospc:once|enospc:on]

The calls are those that io_shim.c sees: open for writing, write, pwrite, ftruncate, fsync, mkdir, link, rename, unlink.
Short: a sample of them; --long: all.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import time

from lab import DATES, Lab, Project, STRATA, Tap, age_raw, plan_of_rest, seed_from

SHIM = pathlib.Path(STRATA).parent / "tests/fault/io_shim.so"
CONFIG = """layer_dependencies: {dwd: [ods], dws: [dwd]}
sources:
  ods_a: {path: raw/a, options: {columns: {id: BIGINT, amount: BIGINT}}}
"""
TABLES = {
    "ods/ods_a.sql": "SELECT *, '${PARTITION_DATE}' AS dt FROM tmp_ods_a\n",
    "dwd/dwd_a.sql": "SELECT id, amount FROM ods.ods_a WHERE dt = '${PARTITION_DATE}' AND amount > 0\n",
    "dws/dws_a.sql": "SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM dwd.dwd_a\n",
}
RUN = ["run", "--start", DATES[0], "--end", DATES[1], "--jobs", "1"]
BEFORE, AFTER = [{1: 10, 2: 20}, {1: 5}], [{1: 11, 2: 20, 3: 5}, {1: -7}]
HOWS = ("eio:once", "enospc:once", "enospc:on")
SHORT = {"strata": 8, "strata-worker": 22}
CRASH = re.compile(r"assert|Sanitizer|segfault|core dumped|INTERNAL|FATAL", re.IGNORECASE)


def write_raw(folder, days):
    for date, rows in zip(DATES, days):
        path = folder / "a" / f"dt={date}" / "a.csv"
        path.parent.mkdir(parents=True)
        path.write_text("id,amount\n" + "".join(f"{i},{a}\n" for i, a in rows.items()), encoding="ascii")


class Calls:
    def __init__(self):
        self.lab = Lab("fsync=off\nmax_connections=50")
        for name, days in (("before", BEFORE), ("after", AFTER)):
            write_raw(self.lab.folder / name, days)
        base = Project(self.lab.folder / "base", self.lab.pg, "base")
        self.lab.pg.sql("CREATE DATABASE base")
        base.write("dags/dw_config.yaml", CONFIG)
        for path, text in TABLES.items():
            base.write(f"dags/{path}", text)
        (base.folder / "raw").symlink_to(self.lab.folder / "before")
        age_raw(base)
        status, output = base.strata(*RUN)
        if status != 0:
            raise RuntimeError(output)
        (base.folder / "raw").unlink()
        (base.folder / "raw").symlink_to(self.lab.folder / "after")
        shutil.rmtree(base.folder / ".strata/cache")  # so that it is written, too
        self.base, self.counts = base, {}
        calm, _ = self.copy("calm")
        for program in SHORT:
            project, folder = self.copy(f"count_{program.replace('-', '_')}")
            status, output = project.strata(*RUN, **self.shim(project, f"0:eio:once:{program}"))
            if status != 0:
                raise RuntimeError(output)
            # After the mutex the file has the count of crossings.
            self.counts[program] = int.from_bytes((project.folder.parent / f"{folder}.shared").read_bytes()[-8:], "little")
        status, output = calm.strata(*RUN)
        if status != 0:
            raise RuntimeError(output)
        self.expected = self.seen(calm)

    @staticmethod
    def seen(project):
        return project.content(), project.lineage()

    def copy(self, name):
        folder = self.lab.folder / name
        shutil.copytree(self.base.folder, folder, symlinks=True)
        self.lab.pg.sql(f"CREATE DATABASE {name} TEMPLATE base STRATEGY FILE_COPY")
        return Project(folder, self.lab.pg, name), name

    @staticmethod
    def shim(project, fail):
        beside = str(project.folder)
        return {"LD_PRELOAD": str(SHIM), "IO_SHIM_ROOT": beside, "IO_SHIM_SHARED": f"{beside}.shared", "IO_SHIM_FAIL": fail,
                "IO_SHIM_HIT": f"{beside}.hit"}

    def one(self, number, program, n, how):
        """(what was wrong, the call that failed, the status)."""
        project, name = self.copy(f"call{number}")
        wrong = []
        try:
            status, output = project.strata(*RUN, **self.shim(project, f"{n}:{how}:{program}"))
            hit = pathlib.Path(f"{project.folder}.hit")
            call = hit.read_text(encoding="utf-8").splitlines()[0] if hit.exists() else "nothing"
            if status not in (0, 1, 3):
                wrong.append(f"status {status}: {output}")
            if status != 0 and not re.search(r"Input/output error|No space left on device|I/O error|disk is full", output):
                wrong.append(f"status {status} without the reason: {output}")
            if CRASH.search(output):
                wrong.append(f"more than an error: {output}")
            published = {k: m for k, m in project.manifests().items() if not self.whole(project, k, m)}
            wrong += [f"half-published: {k}" for k in published]
            again, output = project.strata(*RUN)
            if again != 0:
                wrong.append(f"the second run ends with {again}: {output}")
            else:
                wrong += project.problems() + plan_of_rest(project, *RUN[1:5])
                if self.seen(project) != self.expected:
                    wrong.append("lake or lineage are not those of an undisturbed run")
            return [f"{call} (--program {program} --n {n} --how {how}): {w}" for w in wrong], call, status
        finally:
            self.lab.pg.sql(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(project.folder)

    @staticmethod
    def whole(project, key, manifest):
        folder = project.folder_of(*key)
        names = {f["name"] for f in manifest["files"]}
        return {p.name for p in folder.glob("*.parquet")} == names and \
            all((folder / f["name"]).stat().st_size == f["size"] for f in manifest["files"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--program", choices=list(SHORT))
    parser.add_argument("--n", type=int)
    parser.add_argument("--how", choices=HOWS)
    arguments = parser.parse_args()
    rng, tap, calls = seed_from(arguments), Tap(), Calls()
    began, number, total = time.monotonic(), 0, 0
    for program in [arguments.program] if arguments.program else list(SHORT):
        every = [(n, how) for n in range(1, calls.counts[program] + 1) for how in HOWS]
        if arguments.n:
            chosen = [(arguments.n, how) for how in ([arguments.how] if arguments.how else HOWS)]
        else:
            chosen = every if arguments.long else rng.sample(every, min(SHORT[program], len(every)))
        wrong, met, statuses = [], collections.Counter(), collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(calls.one, number + i, program, n, how) for i, (n, how) in enumerate(chosen)]
            for job in jobs:
                found, call, status = job.result()
                wrong += found
                met[" ".join(call.split()[:2])] += 1
                statuses[status] += 1
        number += len(chosen)
        total += len(chosen)
        tap.result(wrong[:20], f"{program}: {len(chosen)} of {calls.counts[program]} calls × {len(HOWS)} failures")
        print(f"# statuses {dict(sorted(statuses.items()))}; calls {dict(met)}", flush=True)
    print(f"# {total} failing calls, {time.monotonic() - began:.0f} s")
    tap.end()


if __name__ == "__main__":
    main()
