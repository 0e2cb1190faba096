"""Measure the named works and print one table. Called by bench/run.sh, which builds the floors first.

Writes build/bench/results.json (every sample) and build/bench/NUMBERS.md (the table for docs/NUMBERS.md).
"""
import argparse
import datetime
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import traceback

from measure import Bench, Failed
from works import say, unmeasured
import works
import works_latency
import works_scheduler
import works_screen
import works_soak

WORKS = {**works.WORKS, **works_scheduler.WORKS, **works_latency.WORKS, **works_screen.WORKS, **works_soak.WORKS}
HEADS = ("", "work", "floor", "peer", "strata", "ratio", "aim", "met")

# The numbers that the scheduler that stays up is to reach, S-a to S-g, and the work that measures each.
NUMBERS = {"j": "S-a", "ready": "S-b", "death": "S-c", "h": "S-d", "i": "S-e", "g": "S-f", "soak": "S-g"}

# Not measured here: once, in the autumn of 2026, on a machine of this kind (bench/README.md has the versions).
QUOTED = {
    "e": "HyperQueue 950/s and Luigi 87/s (not durable), Prefect 34/s recorded, dagu 24/s, Airflow 3.3 4.1/s, 2.11 2.2/s",
    "f": "Luigi 0.53 ms (not durable), Dagster 8.7 ms, dagu 9.4 ms, HyperQueue 44 ms, Airflow 860–940 ms",
    "h": "Airflow 2.11 523 MB and 5 % of a core, Airflow 3.3 1,051 MB and 9 %, Prefect 215 MB (100 tables)",
    "j": "as for (e)",
}


def cells(row):
    met = {True: "yes", False: "NO", None: "–"}[row.met]
    return [f"{row.work} {NUMBERS.get(row.work, '')}".strip(), row.what, row.floor, row.peer, row.strata, row.ratio, row.aim, met]


def machine(root):
    """What the figures hold for."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
        "commit": commit.stdout.strip() or "unknown",
    }


def header(about, rounds):
    return (f"{about['at']}, {about['cores']} cores ({about['processor']}), Linux {about['kernel']}, load {about['load']} "
            f"at the start; commit {about['commit']}; medians of {rounds} rounds.")


def print_table(rows):
    table = [list(HEADS)] + [cells(row) for row in rows]
    widths = [min(max(len(line[i]) for line in table), 44) for i in range(len(HEADS))]
    for n, line in enumerate(table):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
        if n == 0:
            print("  ".join("-" * width for width in widths))


def markdown(rows, about, rounds):
    lines = [header(about, rounds), "", "| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    lines += ["| " + " | ".join(cell.strip().replace("|", "\\|") for cell in cells(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def quoted(names):
    lines = [f"  {name}: {text}" for name, text in QUOTED.items() if name in names]
    return ["", "Others, quoted:"] + lines if lines else []


def measure(bench, names):
    rows = []
    for name in names:
        say(f"({name})")
        try:
            rows += WORKS[name](bench)
        except Failed as failure:
            rows.append(unmeasured(bench, name, "", "–", "–", str(failure), "–", {}))
        except Exception:  # one work's mistake must not lose the others' figures
            traceback.print_exc()
            rows.append(unmeasured(bench, name, "", "–", "–", "the bench itself failed", "–", {}))
    return rows


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Measure strata beside floors and peers.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each work (default 5)")
    parser.add_argument("--minutes", type=float, help=f"length of the soak (default {works_soak.HOUR_MINUTES} where it is named, "
                                                      f"{works_soak.SHORT_MINUTES} among all works)")
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {' '.join(WORKS)}; all unless named")
    options = parser.parse_args()
    unknown = [name for name in options.works if name not in WORKS]
    if unknown or options.rounds < 1:
        parser.error(f"no work named {unknown[0]!r}: there are {' '.join(WORKS)}" if unknown else "--rounds is at least 1")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    lock = open(os.path.join(root, "build", "bench", "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("bench: another bench runs here, and two would measure each other")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    about = machine(root)
    minutes = options.minutes or (works_soak.HOUR_MINUTES if "soak" in options.works else works_soak.SHORT_MINUTES)
    bench = Bench(root, options.rounds, minutes * 60)
    try:
        names = [name for name in WORKS if name in options.works or not options.works]
        rows = measure(bench, names)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        bench.clean()
    with open(os.path.join(bench.cache, "results.json"), "w", encoding="utf-8") as out:
        json.dump({"machine": about, "rounds": options.rounds, "rows": [row._asdict() for row in rows]}, out, indent=1, ensure_ascii=False)
    with open(os.path.join(bench.cache, "NUMBERS.md"), "w", encoding="utf-8") as out:
        out.write(markdown(rows, about, options.rounds) + "\n".join(quoted(names)) + "\n")
    print(header(about, options.rounds))
    print()
    print_table(rows)
    print("\n".join(quoted(names)))
    sys.exit(1 if bench.failures else 0)


if __name__ == "__main__":
    main()
