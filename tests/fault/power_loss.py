"""Power loss: what a run wrote and synced is recorded (io_shim.c), and for random instants the lake is put together as
a machine that lost its power then may find it (disk.py). In every such lake

- a folder with a manifest.json is whole: the files that it lists, with their size and sha256, and no others; it is one
  version that a run has published; a folder without a manifest has no data;
- what the scheduler was told is published: no older version comes back;
- the lake's identity and the catalog are whole or not there;
- the same command completes with the state of after the run, and with that of before it once `db rebuild` has told it what
  the lake has; then all is fresh and equal to the undisturbed lake.

The last scenario kills a process at a random call that writes and runs again before the power goes: what the state says to
be published must be there then.

    power_loss.py [--long] [--images N] [--kills N] [--seed N]
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import time

from disk import Disk, write_image
from lab import DATES, Lab, Project, STRATA, Tap, age_raw, plan_of_rest, seed_from

SHIM = pathlib.Path(STRATA).parent / "tests/fault/io_shim.so"
CONFIG = """layer_dependencies: {dim: [], dwd: [ods], dws: [dwd, dim]}
sources:
  ods_a: {path: raw/a, options: {columns: {id: BIGINT, amount: BIGINT}}}
"""
TABLES = {
    "ods/ods_a.sql": "SELECT *, '${PARTITION_DATE}' AS dt FROM tmp_ods_a\n",
    "dwd/dwd_a.sql": "SELECT id, amount FROM ods.ods_a WHERE dt = '${PARTITION_DATE}' AND amount > 0\n",
    "dws/dws_a.sql": "SELECT count(*) AS n, sum(amount)::BIGINT AS amount FROM dwd.dwd_a\n",
    "dwd/dwd_made.sql": "SELECT i AS n, '${PARTITION_DATE}' AS day FROM range(3) t(i)\n",
    "dim/dim_e.sh": "#!/bin/sh\nprintf 'id,name\\n1,one\\n' > \"$STRATA_OUTPUT_DIR/part.csv\"\n",
}
RUN = ["run", "--start", DATES[0], "--end", DATES[-1], "--jobs", "2"]
# Short tries of one table, so that after the first ones the dates go to the worker together (docs/COMMIT.md).
TOGETHER = ["run", "dwd_made", "--start", "2024-02-01", "--end", "2024-02-20", "--jobs", "1"]
# The rows by day: of the second run some days change, one becomes empty and one gets its first rows.
RAW = {"first": [{1: 10, 2: 20}, {1: -1}, {3: 30}], "second": [{1: 11, 2: 20, 3: 5}, {1: 7}, {3: -3}]}
SCENARIOS = ("first build", "rebuild", "rows come and go", "dates together", "dates together again")
SHORT, LONG = 201, 1200


def write_raw(project, which):
    for date, rows in zip(DATES, RAW[which]):
        project.write(f"raw/a/dt={date}/a.csv", "id,amount\n" + "".join(f"{i},{a}\n" for i, a in rows.items()))


class Scenario:
    """One recorded run: the disk, the state before and after it, the lake as it was at the end."""

    def __init__(self, loss, name):
        self.loss, self.name, self.again = loss, name, TOGETHER if "together" in name else RUN
        self.command = list(self.again)
        if name in ("rebuild", "dates together again"):
            self.command.append("--force")
        if name == "rows come and go":
            write_raw(loss.project, "second")
            age_raw(loss.project)
        number = SCENARIOS.index(name)
        self.before, self.after = f"before{number}", f"after{number}"
        loss.copy_database("main", self.before)
        lake, log = loss.lake, loss.lab.folder / f"log{number}"
        self.disk = Disk(lake)
        known = self.published(lake)
        status, output = loss.project.strata("--lake", str(lake), *self.command, LD_PRELOAD=str(SHIM), IO_SHIM_ROOT=str(lake),
                                             IO_SHIM_LOG=str(log), IO_SHIM_SHARED=str(loss.lab.folder / f"shared{number}"))
        if status != 0:
            raise RuntimeError(f"{name}: status {status}: {output}")
        loss.copy_database("main", self.after)
        self.disk.read(log)
        self.known, self.acknowledged = known, []
        for at, line in self.disk.replies:
            reply = json.loads(line)
            if reply.get("outcome") == "success":
                m = reply["manifest"]
                self.acknowledged.append((at, m["target_prefix"], 0 if reply["empty"] else m["version"], m["version"]))
                if not reply["empty"]:
                    self.known.add((m["target_prefix"], m["try_id"], m["version"]))
        self.catalogs = self.disk.contents("catalog.duckdb")
        self.final = self.rows(lake)
        self.compare_whole(lake)

    @staticmethod
    def published(lake):
        found = set()
        for path in lake.glob("*/*/**/manifest.json"):
            m = json.loads(path.read_text(encoding="utf-8"))
            found.add((str(path.parent.relative_to(lake)), m["try_id"], m["version"]))
        return found

    @staticmethod
    def rows(lake):
        """{partition: digests of its files}: what must be there again after recovery; the same rows are the same bytes."""
        found = {}
        for path in lake.glob("*/*/**/manifest.json"):
            m = json.loads(path.read_text(encoding="utf-8"))
            found[str(path.parent.relative_to(lake))] = [f["sha256"] for f in m["files"]]
        return found

    def compare_whole(self, lake):
        """The log says all: without a loss it gives the lake as it is. (Logs are written through libc's streams.)"""
        image = self.disk.image(self.disk.end, random.Random(0), "all")
        there = {}
        for path in lake.rglob("*"):
            there[str(path.relative_to(lake))] = None if path.is_dir() else path.read_bytes()
        wrong = [p for p in sorted(image.keys() | there.keys())
                 if not p.startswith((".strata/logs/", "raw")) and (p not in image or p not in there or image[p] != there[p])]
        if wrong:
            raise RuntimeError(f"{self.name}: the log does not give {wrong[:10]}")

    def check(self, image, at):
        """What is wrong in this lake, as text."""
        wrong, folders = [], collections.defaultdict(dict)
        for path, data in image.items():
            folder, _, name = path.rpartition("/")
            if data is not None and not path.startswith(".strata/"):
                folders[folder][name] = data
        for folder, files in folders.items():
            text = files.pop("manifest.json", None)
            files.pop("_SUCCESS", None)
            if text is None:
                wrong.append(f"{folder}: {sorted(files)} without a manifest")
                continue
            try:
                m = json.loads(text)
            except ValueError:
                wrong.append(f"{folder}: its manifest is cut or empty ({len(text)} bytes)")
                continue
            if (folder, m["try_id"], m["version"]) not in self.known:
                wrong.append(f"{folder}: version {m['version']} of {m['try_id']} was never published")
            if {f["name"] for f in m["files"]} != files.keys():
                wrong.append(f"{folder}: has {sorted(files)}, its manifest another list")
            for f in m["files"]:
                data = files.get(f["name"], b"")
                if len(data) != f["size"] or hashlib.sha256(data).hexdigest() != f["sha256"]:
                    wrong.append(f"{folder}/{f['name']}: {len(data)} bytes, not what the manifest says")
        versions = {}
        for when, folder, version, _ in self.acknowledged:
            if when < at:
                versions[folder] = version
        for folder, version in versions.items():
            text = folders.get(folder) and image.get(f"{folder}/manifest.json")
            have = json.loads(text)["version"] if text else 0
            if have < version or (version == 0 and have):
                # An emptied partition that a later try fills has a version again; no later one than this was told of.
                later = [v for when, f, _, v in self.acknowledged if f == folder and when >= at]
                if have not in later:
                    wrong.append(f"{folder}: has version {have}, but {version} was told to be published")
        identity = image.get(".strata/lake.json")
        if identity != self.loss.identity and (identity is not None or folders or versions):
            wrong.append(f"lake.json: {identity!r}")
        if image.get(".strata/catalog.duckdb") is not None and image[".strata/catalog.duckdb"] not in self.catalogs:
            wrong.append("catalog.duckdb is no catalog that ever was")
        return wrong


class Loss:
    def __init__(self):
        self.lab = Lab("fsync=off\nmax_connections=50")
        self.project = Project(self.lab.folder / "project", self.lab.pg, "main")
        self.lab.pg.sql("CREATE DATABASE main")
        self.lake = self.lab.folder / "lake"
        self.lake.mkdir()
        self.project.write("dags/dw_config.yaml", CONFIG)
        for path, text in TABLES.items():
            self.project.write(f"dags/{path}", text, 0o755 if path.endswith(".sh") else 0o644)
        write_raw(self.project, "first")
        age_raw(self.project)
        (self.lake / "raw").symlink_to(self.project.folder / "raw")  # RAW is nobody's concern here
        self.identity = None

    def copy_database(self, source, target):
        self.lab.pg.sql(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")

    def reboot(self, scenario, image, number, state):
        """The same command in such a lake, with the state of before or of after the run."""
        name, lake = f"image{number}", self.lab.folder / f"image{number}"
        lake.mkdir()
        (lake / "raw").symlink_to(self.project.folder / "raw")
        write_image(image, lake)
        self.copy_database(getattr(scenario, state), name)
        project = Project(self.project.folder, self.lab.pg, name)
        try:
            if state == "before" and ".strata/lake.json" in image:
                status, output = project.strata("--lake", str(lake), "db", "rebuild")
                if status != 0:
                    return [f"db rebuild ends with {status}: {output}"]
            status, output = project.strata("--lake", str(lake), *scenario.again)
            if status != 0:
                return [f"with the state {state}: the run ends with {status}: {output}"]
            wrong = [w for w in plan_of_rest(project, "--lake", str(lake), *scenario.again[1:-2]) if "never fresh" not in w]
            have = scenario.rows(lake)
            wrong += [f"{p}: {have.get(p)} instead of {scenario.final.get(p)}"
                      for p in sorted(have.keys() | scenario.final.keys()) if have.get(p) != scenario.final.get(p)]
            return [f"with the state {state}: {w}" for w in wrong]
        finally:
            self.lab.pg.sql(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(lake)


def not_there(project, image):
    """What the state tells of and the lake has not."""
    wrong = []
    for row in project.sql_rows("SELECT table_name, partition, version, empty FROM strata.partition"):
        folder = row["table_name"].replace(".", "/") + (f"/dt={row['partition']}" if row["partition"] else "")
        text = image.get(f"{folder}/manifest.json")
        have = json.loads(text)["version"] if text else 0
        if have != (0 if row["empty"] else row["version"]):
            wrong.append(f"{folder} has version {have}, the state says {row}")
    return wrong


def died_after_exchange(loss, rng):
    """A worker dies between its exchange and the sync of the folder above; its try is found published all the same."""
    lake = loss.lake
    disk, log = Disk(lake), loss.lab.folder / "died.log"
    status, output = loss.project.strata(
        "--lake", str(lake), "run", "dws_a", "--force", *RUN[1:5], LD_PRELOAD=str(SHIM), IO_SHIM_ROOT=str(lake), IO_SHIM_LOG=str(log),
        IO_SHIM_SHARED=f"{log}.shared", STRATA_FAULT="commit.after_exchange:1:kill", STRATA_FAULT_ONCE=f"{log}.once")
    if status != 0 or not os.path.exists(f"{log}.once"):
        return [f"status {status}: {output}"]
    disk.read(log)
    return not_there(loss.project, disk.image(disk.end, rng, "nothing"))


def kills(loss, rng, rounds):
    """Died at some call, run again, and then the power goes: (what was wrong, images)."""
    wrong, images, untold = [], 0, 0
    for number in range(rounds):
        name, lake = f"kill{number}", loss.lab.folder / f"kill{number}"
        lake.mkdir()
        (lake / "raw").symlink_to(loss.project.folder / "raw")
        loss.copy_database("template0", name)
        project, disk, n = Project(loss.project.folder, loss.lab.pg, name), Disk(lake), rng.randrange(1, 220)
        shim = {"LD_PRELOAD": str(SHIM), "IO_SHIM_ROOT": str(lake), "IO_SHIM_LOG": f"{lake}.log", "IO_SHIM_SHARED": f"{lake}.shared"}
        project.strata("--lake", str(lake), *RUN, **shim, IO_SHIM_FAIL=f"{n}:kill:once:strata-worker")
        status, output = project.strata("--lake", str(lake), *RUN, **shim)
        if status != 0:
            wrong.append(f"killed at {n}: the second run ends with {status}: {output}")
        try:
            disk.read(f"{lake}.log")
        except KeyError as inode:
            # A process that was killed between a call and its line in the log: what it made is known to nobody.
            print(f"# killed at {n}: folder or file {inode} is not in the log", flush=True)
            untold += 1
            wrong += ["more than a third of the stories cannot be told"] if untold * 3 > rounds else []
            loss.lab.pg.sql(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(lake)
            continue
        for how in ["nothing"] + [None] * 4:
            images += 1
            wrong += [f"killed at {n}: {w}" for w in not_there(project, disk.image(disk.end, rng, how))]
        loss.lab.pg.sql(f"DROP DATABASE {name} WITH (FORCE)")
        shutil.rmtree(lake)
    return wrong, images


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--images", type=int)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    rng, tap, loss = seed_from(arguments), Tap(), Loss()
    images = arguments.images or (LONG if arguments.long else SHORT)
    numbers = iter(range(1 << 30))
    looked = booted = 0
    began = time.monotonic()
    for name in SCENARIOS:
        scenario = Scenario(loss, name)
        loss.identity = loss.identity or (loss.lake / ".strata/lake.json").read_bytes()
        wrong, reboots = collections.Counter(), []
        if "together" in name:  # whether they do go together is decided by what they take
            print(f"# {name}: {scenario.disk.syncfs // 2} batches", flush=True)
        share = images // len(SCENARIOS)
        # Every instant with all that is not certain gone, and random ones with some of it.
        instants = [(at, "nothing") for at in range(scenario.disk.end + 1)]
        instants += [(rng.randrange(scenario.disk.end + 1), None) for _ in range(share * 10)]
        for at, how in instants:
            image = scenario.disk.image(at, rng, how)
            found = scenario.check(image, at)
            for problem in found:
                wrong[problem] += 1
            if how is None and not found and len(reboots) < share:
                reboots.append((image, next(numbers), "before" if at % 2 else "after", at))
        looked += len(instants)
        tap.result([f"{p} ×{n}" for p, n in wrong.most_common(20)], f"{name}: what is published is whole in {len(instants)} images")
        wrong = []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = {pool.submit(loss.reboot, scenario, image, number, state): at for image, number, state, at in reboots}
            for job, at in jobs.items():
                booted += 1
                wrong += [f"at {at}: {w}" for w in job.result()]
        tap.result(wrong[:20], f"{name}: the same command completes in {len(reboots)} of them")
    tap.result(died_after_exchange(loss, rng), "a worker that died after its exchange: what the state says is there")
    rounds = arguments.kills or (60 if arguments.long else 12)
    wrong, images = kills(loss, rng, rounds)
    tap.result(wrong[:20], f"{rounds} kills, a run after each: what the state says is there in {images} images")
    looked += images
    print(f"# {looked} images looked at, {booted} of them run again, {time.monotonic() - began:.0f} s")
    tap.end()


if __name__ == "__main__":
    main()
