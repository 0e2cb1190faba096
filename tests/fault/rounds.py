"""Kill rounds: `kill -9` at a random instant of a month's `backfill --force`, of the scheduler, a worker, Postgres or
all of them, while two readers who know nothing of strata read without a pause. After each round the next command
completes the work, and lake and state agree. No reader ever sees two versions mixed, or half of one; one that is
overtaken gets "no such file" and reads again.

    rounds.py [--rounds N] [--long] [--seed S]
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import random
import signal
import time

import duckdb

from lab import Lab, Project, Tap, age_raw, plan_of_rest, seed_from

DAYS = [f"2024-01-{day:02}" for day in range(1, 32)]
ROWS = 40
SPAN = ["--start", DAYS[0], "--end", DAYS[-1], "--jobs", "2"]
TARGETS = ("scheduler", "worker", "postgres", "all")
SHORT_ROUNDS, LONG_ROUNDS = 20, 200
AGAIN_MAX = 100  # times that a reader may be overtaken in one read

FILES = {
    "dags/dw_config.yaml": "layer_dependencies: {dwd: [ods]}\ndefaults: {retries: 5, retry_delay: 0s}\n"
                           "sources:\n  ods_a: {path: raw/a, options: {columns: {id: BIGINT}}}\n",
    "dags/ods/ods_a.sql": "SELECT id, '${RUN_ID}' AS version, '${PARTITION_DATE}' AS day FROM tmp_ods_a\n",
    # Two files a version would show half of one; so does the count.
    "dags/dwd/dwd_a.sql": "SELECT id, '${RUN_ID}' AS version FROM ods.ods_a WHERE dt = '${PARTITION_DATE}'\n",
}


def read_by_glob(folder, connection):
    pattern = f"{folder}/*.parquet"
    return connection.execute("SELECT count(*), count(DISTINCT version), sum(id) FROM read_parquet(?)", [pattern]).fetchone()


def read_pinned(folder, connection):
    """The folder is opened once; all that the manifest lists is opened through that descriptor."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        def content(name):
            with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=directory), "rb") as file:
                return file.read()
        manifest = json.loads(content("manifest.json"))
        for entry in manifest["files"]:
            data = content(entry["name"])
            if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
                raise ValueError(f"{entry['name']} is not what the manifest says")
        return manifest["row_count"], 1, sum(range(ROWS))
    finally:
        os.close(directory)


def reader(lake, read, seed, stop, results):
    chance, counts, wrong = random.Random(seed), collections.Counter(), []
    connection = duckdb.connect()
    while not stop.is_set() and len(wrong) < 10:
        folder = f"{lake}/{chance.choice(['ods/ods_a', 'dwd/dwd_a'])}/dt={chance.choice(DAYS)}"
        for _ in range(AGAIN_MAX):
            try:
                seen = read(folder, connection)
            except (FileNotFoundError, duckdb.IOException) as error:
                if not isinstance(error, FileNotFoundError) and "o such file" not in str(error) and "o files found" not in str(error):
                    wrong.append(f"{folder}: {error}")
                    break
                counts["overtaken"] += 1
                continue
            except (ValueError, duckdb.Error) as error:
                wrong.append(f"{folder}: {error}")
                break
            counts["reads"] += 1
            if seen != (ROWS, 1, sum(range(ROWS))):
                wrong.append(f"{folder}: rows, versions, sum are {seen}")
            break
        else:
            wrong.append(f"{folder}: overtaken {AGAIN_MAX} times in a row")
        time.sleep(0.002)  # leave the machine to those who are watched
    results.put((counts, wrong))


def make_project(lab):
    project = Project(lab.folder / "month", lab.pg, "month")
    lab.pg.sql("CREATE DATABASE month")
    for path, text in FILES.items():
        project.write(path, text)
    for day in DAYS:
        project.write(f"raw/a/dt={day}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(ROWS)))
    age_raw(project)
    return project


def kill_pid(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def strike(project, process, target, chance):
    """Kill; true when there was something to kill."""
    hit = False
    if target in ("worker", "all"):
        workers = project.workers()
        for pid in workers if target == "all" else chance.sample(workers, min(1, len(workers))):
            hit |= kill_pid(pid)
    if target in ("scheduler", "all"):
        hit |= process.poll() is None and kill_pid(process.pid)
    if target in ("postgres", "all"):
        project.pg.kill()
        project.pg.restart_after_kill()
        hit = True
    return hit


def one_round(project, target, span, chance):
    """(was something killed, had the command ended before, problems)"""
    log = project.folder.parent / "round.log"
    with open(log, "wb") as output:
        process = project.start("backfill", "--force", *SPAN, output=output)
        time.sleep(chance.uniform(0, span))  # the random instant itself, not a wait for an event
        ended = process.poll() is not None
        hit = strike(project, process, target, chance)
        process.wait(timeout=300)
    status, output = project.strata("backfill", *SPAN)
    problems = [f"the next command: status {status}: {output}"] if status != 0 else []
    problems += project.problems() + plan_of_rest(project, *SPAN[:-2])
    published = len(project.manifests())
    if published != 2 * len(DAYS):
        problems.append(f"{published} partitions are published")
    if problems:
        problems.append("the round's output: " + log.read_text(errors="replace")[-3000:])
    return hit, ended, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    rounds = arguments.rounds or (LONG_ROUNDS if arguments.long else SHORT_ROUNDS)
    chance, tap, lab = seed_from(arguments), Tap(), Lab()
    project = make_project(lab)
    status, output = project.strata("backfill", *SPAN)
    tap.result([output] if status != 0 else project.problems(), "the first backfill")
    began = time.monotonic()
    status, output = project.strata("backfill", "--force", *SPAN)
    span = time.monotonic() - began
    tap.result([output] if status != 0 else project.problems(), "an undisturbed backfill --force")
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    readers = [multiprocessing.Process(target=reader, args=(str(project.folder), read, chance.random(), stop, results))
               for read in (read_by_glob, read_pinned)]
    for process in readers:
        process.start()
    hits = collections.Counter()
    for number in range(rounds):
        target = TARGETS[number % len(TARGETS)]
        hit, ended, problems = one_round(project, target, span, chance)
        span *= 0.8 if ended else 1  # the machine was slower when it was measured
        hits[target] += hit
        tap.result(problems, f"round {number + 1}: {target}{'' if hit else ' (had ended)'}")
    stop.set()
    for name in ("reader", "reader"):
        counts, wrong = results.get(timeout=60)
        tap.result(wrong, f"{name}: {counts['reads']} reads, {counts['overtaken']} overtaken and read again, {len(wrong)} wrong")
    for process in readers:
        process.join()
    print(f"# {rounds} rounds, {time.monotonic() - began:.0f} s", flush=True)
    tap.result([] if sum(hits.values()) * 2 > rounds else ["too few rounds met something alive"], f"kills: {dict(hits)}")
    tap.end()


if __name__ == "__main__":
    main()
