#!/usr/bin/env python3
"""core/zone and core/cron beside other people's implementations, over every zone of the tz database and every transition
of it from 1970 to 2037. Prints TAP.

    cron_compare.py [--long]     with MODE of the environment, else debug

Transitions are those that zdump (the C library) finds. Around each one, expressions made for its hours are asked of

- core/cron, by the program of tests/helper/cron_fires.c, for each zone (in the short form, for each zone file);
- a model of Debian's cron in this file: its loop, minute by minute, on a clock that Python's zoneinfo shows;
- cronsim, a Python package that follows Debian's cron, on zoneinfo.

All that zones with the same clock around a transition have in common is asked of the two others once. The short form asks
them for one transition of those that differ by whole days only (time of day is all that matters to most expressions), and
has fewer of the expressions that name days. Where the others differ from docs/SCHEDULES.md,
the functions named `..._differs` say so, and what is said there must hold.
"""
import calendar
import collections
import datetime
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import zoneinfo

import cronsim

ZONES = os.environ.get("ZONEINFO", "/usr/share/zoneinfo")
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIRST_YEAR, LAST_YEAR = 1970, 2037
HOUR, DAY = 3600, 86400
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
UTC = datetime.timezone.utc
# Debian's cron takes a change of this many minutes, and more, for a clock that was set.
DEBIAN_LIMIT = 180

Transition = collections.namedtuple("Transition", "at before after")  # UTC; offsets in seconds


# --- the tz database ---

def zone_files():
    """Every zone by name: what has TZif's first bytes, without the trees with leap seconds and the copies."""
    for folder, folders, files in os.walk(ZONES):
        if folder == ZONES:
            folders[:] = [f for f in folders if f not in ("posix", "right")]
        for name in files:
            path = os.path.join(folder, name)
            if name in ("localtime", "posixrules"):
                continue
            with open(path, "rb") as f:
                if f.read(4) == b"TZif":
                    yield path


def without_links(paths):
    """One name for each content."""
    by_content = {}
    for path in paths:
        with open(path, "rb") as f:
            by_content.setdefault(f.read(), path)
    return sorted(by_content.values())


def transitions_of(paths):
    """What zdump says: for each path its changes, each (utc, offset, dst, abbreviation), the last second before included."""
    found = {path: [] for path in paths}
    line = re.compile(r"^(\S+) +\w+ (\w+) +(\d+) (\d+):(\d+):(\d+) (\d+) UT = .* (\S+) isdst=(\d) gmtoff=(-?\d+)$")
    months = {name: i for i, name in enumerate(calendar.month_abbr)}
    out = subprocess.run(["zdump", "-V", "-c", f"{FIRST_YEAR},{LAST_YEAR + 1}", *paths], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    for text in out.splitlines():
        m = line.match(text)
        if not m:
            raise SystemExit(f"zdump: {text}")
        path, month, day, hour, minute, second, year, abbrev, dst, offset = m.groups()
        at = calendar.timegm((int(year), months[month], int(day), int(hour), int(minute), int(second)))
        found[path].append((at, int(offset), int(dst), abbrev))
    return found


# --- expressions around a transition ---

def time_expressions(t):
    """Those that name times of day only: what they do depends on the clock of some hours."""
    before, after = t.at + t.before, t.at + t.after
    hb, mb, ha, ma = before // HOUR % 24, before // 60 % 60, after // HOUR % 24, after // 60 % 60
    last = (before - 60) // HOUR % 24
    return [
        f"{mb} {hb} * * *", f"{ma} {ha} * * *", f"30 {hb} * * *", f"30 {ha} * * *", f"59 {last} * * *", f"0 {(ha + 1) % 24} * * *",
        f"{(mb + 1) % 60},{(mb + 17) % 60} {hb},{ha},{last} * * *", "15,45 0-23 * * *", "0 0 * * *", f"1-59/7 {hb} * * *",
        f"{(ma - 1) % 60} 0-23/2 * * *", "30 * * * *", "0 */2 * * *", f"*/20 {hb} * * *", f"*/7 {ha} * * *", "@hourly",
    ]


def day_expressions(t):
    """Those that name days, so that it matters which day it is."""
    before = datetime.datetime.fromtimestamp(t.at + t.before, UTC)
    after = datetime.datetime.fromtimestamp(t.at + t.after, UTC)
    hb, ha, dow = before.hour, after.hour, before.isoweekday() % 7
    return [
        f"30 {hb} {before.day} * *", f"0 {ha} * * {dow}", f"30 {ha} {after.day} {after.month} {(dow + 3) % 7}",
        f"15 {hb} */2 * {dow}-7", f"45 {hb} {before.day} * */3", f"*/30 * {before.day} {before.month} *", f"5 {hb},{ha} 1-31 * {dow}",
        f"0 0 {after.day} * *", f"*/15 {hb} * * {dow}", "@monthly", "@weekly",
    ]


NAMED = {"@hourly": "0 * * * *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0"}


# --- Debian's cron ---

def field(text, low, high):
    values = set()
    for item in text.split(","):
        what, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if what == "*" else what).partition("-")
        values.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return values


class Entry:
    def __init__(self, text):
        minute, hour, day, month, dow = NAMED.get(text, text).split()
        self.wild = minute[0] == "*" or hour[0] == "*"
        self.star_day = day[0] == "*" or dow[0] == "*"
        self.minutes, self.hours = field(minute, 0, 59), field(hour, 0, 23)
        self.days, self.months = field(day, 1, 31), field(month, 1, 12)
        self.dows = {d % 7 for d in field(dow, 0, 7)}

    def fits(self, wall):
        """wall: minutes since 1970 by the zone's clock."""
        return wall % 60 in self.minutes and wall // 60 % 24 in self.hours and self.fits_day(wall)

    def fits_day(self, wall):
        date = (EPOCH + datetime.timedelta(minutes=wall)).date()
        if date.month not in self.months:
            return False
        day, dow = date.day in self.days, date.isoweekday() % 7 in self.dows
        return (day and dow) if self.star_day else (day or dow)


def clock_of(zone, start, end):
    """Each instant from start to end at which the zone's clock shows a whole minute, and what it shows, in minutes."""
    at = start
    while at <= end:
        wall = at + int(datetime.datetime.fromtimestamp(at, zone).utcoffset().total_seconds())
        if wall % 60:
            at += 60 - wall % 60
            continue
        yield at, wall // 60
        at += 60


def debian_fires(ticks, entry, limit):
    """Its loop: `virtual` is the time up to which jobs have run. What it runs more than once in a minute counts once."""
    fires = set()
    virtual = ticks[0][1] - 1
    for at, now in ticks:
        ahead = now - virtual
        if ahead == 1 or (limit and abs(ahead) >= limit):  # as always; or a clock that was set
            virtual = now
            if entry.fits(now):
                fires.add(at)
            continue
        if entry.wild:
            if entry.fits(now):
                fires.add(at)
            virtual = max(virtual, now)
            continue
        while virtual < now:  # nothing, while the clock shows again what it has shown
            virtual += 1
            if entry.fits(virtual):
                fires.add(at)
    return fires


def debian_limit_differs(t):
    """A change of three hours and more it takes for a clock that was set, and goes by the new time: the loop without that
    limit is asked."""
    return not -DEBIAN_LIMIT <= (t.after - t.before) // 60 < DEBIAN_LIMIT


# --- cronsim ---

def endless(*_):
    raise RuntimeError("cronsim does not come to an end; cronsim_loses_time should know this case")


def cronsim_fires(zone, text, start, end):
    fires = set()
    signal.setitimer(signal.ITIMER_VIRTUAL, 30)  # of computing; it takes some milliseconds
    for at in cronsim.CronSim(NAMED.get(text, text), datetime.datetime.fromtimestamp(start, zone)):
        at = int(at.timestamp())
        if at > end:
            break
        fires.add(at)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return fires


def cronsim_differs(t, entry):
    """Going to the next day that fits, it takes midnight for shown even where that is left out: what it adds."""
    midnight = -(-(t.at + t.before) // DAY) * DAY
    if entry.wild and midnight < t.at + t.after and entry.fits(midnight // 60) and not entry.fits_day(midnight // 60 - 24 * 60):
        return {midnight - t.before}
    return set()


def cronsim_loses_time(t, entry):
    """What follows the clock it finds by steps of an hour and of a minute. A change that is not by whole hours, or not at
    one, it may go past ('30 * * * *' in Santo Domingo, 1970-02-21) or never leave ('*/20 3 * * *' in Hong Kong, 1970-10-17).
    Nor does it come out of a day that begins twice, if the one before does not fit ('*/30 * 5 3 *' in Casey, 2010-03-05).
    Debian's loop alone is asked."""
    midnight = (t.at + t.before) // DAY * DAY
    begins_twice = t.at + t.after < midnight < t.at + t.before and not entry.fits_day(midnight // 60 - 24 * 60)
    return entry.wild and ((t.after - t.before) % HOUR != 0 or (t.at + t.before) % HOUR != 0 or begins_twice)


# --- comparing ---

class Case:
    """What zones whose clocks are alike around a transition share."""

    def __init__(self, t, around):
        shift = abs(t.after - t.before)
        self.t, self.paths = t, []
        self.start = t.at - shift - 4 * HOUR
        self.end = t.at + shift + 4 * HOUR
        # Debian's loop starts at a time that is well past any transition before.
        self.calm = self.start
        for other in around:
            if other.at <= self.start and other.at > self.calm - 6 * HOUR - abs(other.after - other.before):
                self.calm = other.at - 6 * HOUR - abs(other.after - other.before)

    def day_key(self, around):
        return (self.t.at % DAY, self.t.before, self.t.after, tuple((o.at - self.t.at, o.before, o.after) for o in around))


def fires_of(program, questions):
    out = subprocess.run([program], input="\n".join(questions) + "\n", stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert len(out) == len(questions)
    return [set(map(int, line.split())) for line in out]


def check_case(program, case, texts, model):
    """Mismatches of one case, and how many (zone, expression) were compared."""
    wrong = []
    questions = [f"fires\t{path}\t{text}\t{case.start}\t{case.end}" for path in case.paths for text in texts]
    answers = fires_of(program, questions)
    expected = answers[:len(texts)]
    if model:
        with open(case.paths[0], "rb") as f:
            zone = zoneinfo.ZoneInfo.from_file(f)
        ticks = list(clock_of(zone, case.calm, case.end))
        limit = None if debian_limit_differs(case.t) else DEBIAN_LIMIT
        for text, fires in zip(texts, answers):
            entry = Entry(text)
            debian = {at for at in debian_fires(ticks, entry, limit) if at > case.start}
            if fires != debian:
                wrong.append(f"{case.paths[0]} '{text}' at {case.t}: Debian's {sorted(debian)}, core/cron {sorted(fires)}")
            if cronsim_loses_time(case.t, entry):
                continue
            other = {at for at in cronsim_fires(zone, text, case.calm, case.end) if at > case.start}
            if fires | cronsim_differs(case.t, entry) != other:
                wrong.append(f"{case.paths[0]} '{text}' at {case.t}: cronsim {sorted(other)}, core/cron {sorted(fires)}")
    for i, fires in enumerate(answers):
        if fires != expected[i % len(texts)]:
            wrong.append(f"{questions[i]}: {sorted(fires)}, but {case.paths[0]} has {sorted(expected[i % len(texts)])}")
    return wrong, len(questions)


def check_cases(work):
    signal.signal(signal.SIGVTALRM, endless)
    program, cases = work
    wrong, compared = [], 0
    for case, texts, model in cases:
        found, n = check_case(program, case, texts, model)
        wrong += found
        compared += n
    return wrong, compared


def check_offsets(work):
    """The zone itself: at each change what zdump says, and beyond the table what zoneinfo says."""
    program, path, changes, long_form = work
    with open(path, "rb") as f:
        zone = zoneinfo.ZoneInfo.from_file(f)
    times = [at for at, *_ in changes]
    later = [calendar.timegm((year, month, 1, 0, 0, 0)) + month * 12345 for year in range(LAST_YEAR, 2500, 9 if long_form else 97) for month in range(1, 13)]
    out = subprocess.run([program], input="".join(f"at\t{path}\t{at}\n" for at in times + later), stdout=subprocess.PIPE, text=True,
                         check=True).stdout.splitlines()
    wrong = [f"{path} {change}: {line}" for change, line in zip(changes, out) if line != f"{change[1]} {change[2]} {change[3]}"]
    for at, line in list(zip(times + later, out)):
        local = datetime.datetime.fromtimestamp(at, zone)
        offset, _, abbrev = line.split(" ", 2)
        if int(offset) != local.utcoffset().total_seconds() or abbrev != local.tzname():
            wrong.append(f"{path} {at}: {line}, zoneinfo {local.utcoffset()} {local.tzname()}")
    return wrong, len(out)


# --- the tests ---

results = []


def result(good, name, wrong=()):
    results.append(good)
    print(f"{'ok' if good else 'not ok'} {len(results)} {name}", flush=True)
    for line in list(wrong)[:20]:
        print(f"# {line}")
    if len(wrong) > 20:
        print(f"# and {len(wrong) - 20} more")


def cases_of(changes):
    """One case for all zones with the same clock around it."""
    cases = {}
    for path, found in changes.items():
        pairs = [Transition(b[0], a[1], b[1]) for a, b in zip(found[::2], found[1::2])]
        pairs = [t for t in pairs if t.before != t.after]
        for t in pairs:
            around = tuple(o for o in pairs if abs(o.at - t.at) < 4 * DAY)
            cases.setdefault((t, around), Case(t, around)).paths.append(path)
    return cases


def chunks(items, n):
    return [items[i::n] for i in range(n) if items[i::n]]


def main():
    program, long_form = f"{REPO}/build/{os.environ.get('MODE') or 'debug'}/tests/helper/cron_fires", "--long" in sys.argv[1:]
    paths = sorted(zone_files())
    names = len(paths)
    if not long_form:
        paths = without_links(paths)
    changes = transitions_of(paths)
    cases = cases_of(changes)
    transitions = sum(len(case.paths) for case in cases.values())
    work, seen = [], set()
    for i, ((_, around), case) in enumerate(sorted(cases.items())):
        key = case.day_key(around)
        model = long_form or key not in seen
        seen.add(key)
        work.append((case, time_expressions(case.t), model))
        if long_form or i % 4 == 0:
            work.append((case, day_expressions(case.t), long_form or i % 20 == 0))
    modelled = sum(len(texts) for _, texts, model in work if model)
    with multiprocessing.Pool() as pool:
        wrong, compared = [], 0
        for found, n in pool.imap_unordered(check_offsets, [(program, path, found, long_form) for path, found in changes.items()], 20):
            wrong += found
            compared += n
        result(not wrong, f"offsets of {names} zones ({len(paths)} files) at {compared} times are those of zdump and zoneinfo", wrong)
        wrong, compared = [], 0
        for found, n in pool.imap_unordered(check_cases, [(program, part) for part in chunks(work, 64)]):
            wrong += found
            compared += n
        result(not wrong, f"{compared} times an expression at one of {transitions} transitions of {names} zones, and for {modelled} that are "
               "all different what Debian's loop and cronsim do", wrong)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
