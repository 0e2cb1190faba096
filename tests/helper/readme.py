"""The README's tour, typed: each command of "Five minutes" in a copy of the sample project, and what it printed held
against what is pasted there.

    readme.py README PROJECT STRATA             prints what differs; status 1 if anything does
    readme.py README PROJECT STRATA --update    and pastes what was printed instead

A pasted line must be printed, once for each time that it is there; run names, clocks, durations and sizes may be others, and
lines of tasks that ran side by side may be in another order. `…` stands for lines that were left out; where there is none,
nothing else is printed. In "Death" all numbers may be others: nobody can kill at the same instant twice.
"""
import collections
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

VARIES = [
    (r"\d{8}-\d{6}-[a-z0-9]{4}", "RUN"),
    (r"\d\d:\d\d:\d\d", "CLOCK"),
    (r"\b\d+(\.\d+)? (ms|s)\b", "TIME"),
    (r"\b\d+(\.\d+)? [kM]?B\b", "SIZE"),
    (r"\s+", " "),
]
YOUNG = 2.5  # seconds: RAW that changed less than two ago counts as changing still
BAD_SQL = "dags/ads/ads_carrier_punctuality_7d.sql"
BAD_DAY = "2013-01-09"


def blocks(lines):
    """(title, first line, last line) of each block of commands; the title is the bold start of the paragraph above it."""
    title, first = "", None
    begin = lines.index("## Five minutes")
    for i in range(begin + 1, len(lines)):
        if lines[i].startswith("## "):
            return
        if lines[i].startswith("**"):
            title = lines[i].split("**")[1].rstrip(".?")
        elif lines[i].startswith("```") and first is None:
            first = i + 1
        elif lines[i] == "```":
            if lines[first].startswith("$ "):
                yield title, first, i
            first = None
        elif first is None and lines[i] and not lines[i - 1] and title == "A mistake in the data":
            title = "Mended"


def steps(lines, first, end):
    """[(command, [numbers of its lines])]"""
    found = []
    for i in range(first, end):
        if lines[i].startswith("$ "):
            found.append((lines[i][2:], []))
        else:
            found[-1][1].append(i)
    return found


def norm(line, title):
    for pattern, name in VARIES:
        line = re.sub(pattern, name, line)
    return re.sub(r"\d+", "N", line).strip() if title == "Death" else line.strip()


class Tour:
    def __init__(self, project, strata):
        self.project, self.strata = pathlib.Path(project), pathlib.Path(strata)
        self.environment = {**os.environ, "PATH": f"{self.strata.parent}:{os.environ['PATH']}", "COLUMNS": "160"}
        self.good = {}

    def start(self, command):
        return subprocess.Popen(command, shell=True, cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def type(self, command):
        if command == "make run":
            command = f"infra/run-sample.sh {self.strata.parent}"
        return self.start(command).communicate(timeout=300)[0].decode().splitlines()

    def change(self, path, old, new):
        file = self.project / path
        self.good.setdefault(path, file.read_text(encoding="utf-8"))
        changed = self.good[path].replace(old, new, 1)
        if changed == self.good[path]:
            sys.exit(f"{path} has no '{old}'")
        file.write_text(changed, encoding="utf-8")

    def mend(self):
        for path, text in self.good.items():
            (self.project / path).write_text(text, encoding="utf-8")
        if self.good:
            time.sleep(YOUNG)
        self.good = {}

    def prepare(self, title):
        """What the prose says was done before the commands of a block."""
        self.mend()
        if title == "A mistake in the SQL":
            self.change(BAD_SQL, "sum(flights)", "sum(flihgts)")
        elif title == "A mistake in the data":
            path = f"raw/daily/flights/dt={BAD_DAY}/flights.csv"
            with (self.project / path).open(encoding="utf-8") as file:
                head, row = file.readline().rstrip("\n").split(","), file.readline()
            values = row.split(",")
            values[head.index("dep_delay")] = "late"
            self.change(path, row, ",".join(values))
        elif title == "Death":
            self.die()

    def die(self):
        victim = self.start("exec strata backfill --start 2013-01-01 --end 2013-01-14")
        for _ in range(20):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        victim.communicate()


def compare(lines, numbers, printed, title):
    """What is pasted and was not printed, or the other way round; and {line number: what was printed in its place}."""
    left, instead, wrong = collections.defaultdict(list), {}, []
    for text in printed:
        left[norm(text, title)].append(text)
    for i in numbers:
        here = left.get(norm(lines[i], title))
        if lines[i] != "…" and here:
            instead[i] = here.pop(0)
        elif lines[i] != "…":
            wrong.append(f"README.md:{i + 1}: was not printed: {lines[i]}")
    if "…" not in (lines[i] for i in numbers):
        wrong += [f"README.md: was printed and is not there: {text}" for rest in left.values() for text in rest if text]
    return wrong, instead


def main():
    readme, update = pathlib.Path(sys.argv[1]), sys.argv[4:] == ["--update"]
    lines = readme.read_text(encoding="utf-8").split("\n")
    tour, wrong, typed = Tour(sys.argv[2], sys.argv[3]), [], 0
    time.sleep(YOUNG)
    for title, first, end in blocks(lines):
        tour.prepare(title)
        for command, numbers in steps(lines, first, end):
            printed = tour.type(command)
            typed += 1
            differs, instead = compare(lines, numbers, printed, title)
            if differs:
                wrong += [f"$ {command}", *differs, *("    " + text for text in printed)]
            for i, text in instead.items() if update else ():
                lines[i] = text
    if update:
        readme.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join([*wrong, f"{typed} commands typed"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
