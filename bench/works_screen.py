"""The work `screen`: what `strata top` costs, in a terminal of 200 × 60 that reads all it is sent.

Three sizes: 10,000 tables and nothing going on; a run of 5,000 actions while it works; a million tasks in the state.
How long a drawing takes is what the program counted itself (STRATA_TOP_SPANS), by the wall clock, the terminal's taking
it included; from a key to the screen is from the write of the key to the last byte of the answer.
"""
import contextlib
import fcntl
import json
import os
import struct
import termios
import threading
import time

import generate
from measure import Failed, cost_of, median, rss_of, smaps, text_seconds, until
from works import DAY, MB, Row, say, unmeasured
from works_scheduler import DATES, TABLES, Daemon, daemon_of

WIDTH, HEIGHT = 200, 60
MANY_TABLES, ACTIONS = 10000, 5000
SHOWN_SECONDS, SETTLE_SECONDS, IDLE_SECONDS = 30, 3, 30
QUIET_SECONDS = 0.3  # nothing has come for so long: the answer is complete
STEPS = 15  # pages that there are: a key that changes nothing would be waited for
KEPT = 1 << 16


class Screen:
    """`strata top` and the terminal that it is in."""

    def __init__(self, bench, project, *args):
        self.bench = bench
        self.seen, self.bytes, self.last_at = b"", 0, time.monotonic()
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.errors = os.path.join(bench.work, "screen.errors")
        with open(self.errors, "wb") as errors:
            self.child = bench.start(bench.strata(project, "top", *args), None, slave, errors, slave,
                                     {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "STRATA_TOP_SPANS": "1"})
        os.close(slave)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with contextlib.suppress(OSError):  # EIO: it has ended
            while True:
                got = os.read(self.master, 1 << 16)
                self.seen = (self.seen + got)[-KEPT:]
                self.bytes += len(got)
                self.last_at = time.monotonic()

    def has_shown(self, text):
        if not until(lambda: text.encode() in self.seen or self.child.poll() is not None, SHOWN_SECONDS) or self.child.returncode is not None:
            raise Failed(f"strata top did not show '{text}'")

    def shows(self, text):
        """And then is quiet: not for what goes on changing."""
        self.has_shown(text)
        self.quiet(self.bytes - 1)

    def send(self, keys):
        self.seen = b""
        os.write(self.master, keys.encode())

    def quiet(self, before):
        """Until something has come after `before` bytes, and then nothing more."""
        until(lambda: self.bytes > before, SHOWN_SECONDS)
        until(lambda: time.monotonic() - self.last_at > QUIET_SECONDS, SHOWN_SECONDS)

    def key(self, keys):
        """Seconds until the screen shows all that comes of it."""
        before, at = self.bytes, time.monotonic()
        os.write(self.master, keys.encode())
        self.quiet(before)
        return self.last_at - at

    def opens(self, keys, text):
        self.seen = b""
        seconds = self.key(keys)
        self.shows(text)
        return seconds

    def end(self):
        """What it counted: kind → seconds, each time."""
        os.write(self.master, b"Q")
        status, _ = self.bench.wait(self.child)
        self.reader.join(SHOWN_SECONDS)
        os.close(self.master)
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if status:
            raise Failed(f"strata top: exit {status}: {text[-200:]}")
        return {span["what"]: [us / 1e6 for us in span["us"]] for span in map(json.loads, text.splitlines())}


def size_of(screen):
    return rss_of(screen.child.pid), smaps(screen.child.pid, "Pss")


def text_size(size):
    return f"{size[0] / MB:.1f} MB, {size[1] / MB:.1f} MB"


def text_spans(seconds):
    return f"{text_seconds(median(seconds))}, {text_seconds(max(seconds, default=None))}"


def row(what, value, aim="–", met=None, samples=None):
    return Row("screen", what, "–", "–", value, "–", aim, met, samples or {})


# --- nothing going on ---

def idle_rows(screen, name, keys, text):
    if keys:
        screen.opens(keys, text)
    until(lambda: False, SETTLE_SECONDS)
    cpu, sleeps = cost_of(screen.child.pid)
    until(lambda: False, IDLE_SECONDS)
    cpu_end, sleeps_end = cost_of(screen.child.pid)
    size, share = size_of(screen), (cpu_end - cpu) / IDLE_SECONDS
    what = f"{MANY_TABLES:,} tables, {name}, idle"
    return [row(what + ": resident, proportional", text_size(size), "< 30 MB", size[0] < 30 * MB, {"resident": [size[0]], "cpu": [share]}),
            row("  CPU; wake-ups a minute", f"{share:.2%} of a core; {(sleeps_end - sleeps) * 60 / IDLE_SECONDS:.0f}", "< 1 %", share < 0.01)]


def idle(bench):
    project = bench.folder("screen")
    generate.write_strata(project, generate.layered(MANY_TABLES, partitioned=True), catalog=True)
    screen = None
    try:
        bench.timed(bench.strata(project, "db", "start"))
        screen = Screen(bench, project)
        screen.shows("no scheduler")
        rows = idle_rows(screen, "overview", "", "") + idle_rows(screen, "tables", "3", "DESCRIPTION")
        filtered = [screen.key(key) for key in ("/", "t", "0", "9")]
        screen.key("\r")
        rows.append(row("  a key of a filter: worst", text_seconds(max(filtered)), samples={"filter": filtered}))
        spans = screen.end()
        screen = None
        rows.append(row("  drawing: median, worst", text_spans(spans["draw"]), samples=spans))
    finally:
        stop(bench, screen)
        bench.drop(project)
    return rows


def stop(bench, screen):
    """One that did not end by itself."""
    if screen and screen.child.returncode is None:
        screen.child.kill()
        bench.wait(screen.child)


# --- a run that works ---

def while_it_works(bench, project, name, keys, text):
    """Looking at a run from its first task to its last."""
    screen = Screen(bench, project, "runs" if keys else "overview")
    try:
        screen.shows("scheduler up")
        with open(os.devnull, "wb") as nowhere:
            run = bench.start(bench.strata(project, "run", "--date", DAY, "--run-id", f"look-{name}", "--quiet"), None, nowhere, nowhere)
        screen.has_shown(f"look-{name}")
        if keys:
            screen.send("g" + keys)
            screen.has_shown(text)
        (cpu, _), sent, at = cost_of(screen.child.pid), screen.bytes, time.monotonic()
        status, _ = bench.wait(run)
        seconds = time.monotonic() - at
        (cpu_end, _), sent_end, size = cost_of(screen.child.pid), screen.bytes, size_of(screen)
        if status:
            raise Failed(f"the run ended with {status}")
        spans = screen.end()
    finally:
        stop(bench, screen)
    share, rate = (cpu_end - cpu) / seconds, (sent_end - sent) / seconds
    return [row(f"{ACTIONS:,} tasks at work, {name}: resident, proportional", text_size(size), "–", None, {"resident": [size[0]], "cpu": [share], **spans}),
            row("  CPU; to the terminal", f"{share:.1%} of a core; {rate / 1000:.1f} kB/s ({seconds:.1f} s)"),
            row("  drawing: median, worst", text_spans(spans["draw"])),
            row("  asking the database: median, worst", text_spans(spans["load"]))]


def busy(bench):
    project = bench.folder("screen")
    generate.write_actions(project, ACTIONS, sql=True)
    daemon = None
    try:
        bench.timed(bench.strata(project, "db", "start"))
        daemon = Daemon(bench, project)
        daemon.wait_ready()
        return [r for name, keys, text in (("overview", "", ""), ("map", "m", "ads_a0000"), ("tasks", "a", "PARTITION"))
                for r in while_it_works(bench, project, name, keys, text)]
    finally:
        if daemon:
            daemon.end()
        bench.drop(project)


# --- a million tasks ---

def million(bench):
    days = generate.dates("2020-01-01", DATES)
    with daemon_of(bench, "screen", days[-10:]) as (project, _):
        bench.timed(bench.strata(project, "backfill", "--start", days[0], "--end", days[-1], "--run-id", "large", "--detach"))
        bench.timed(bench.strata(project, "pause", "large"))
        screen = Screen(bench, project, "runs")
        try:
            screen.shows("large")
            opened = screen.opens("m", "ods_t00000")
            steps = [screen.key(key) for key in ("\x06",) * STEPS + ("G",) + ("k",) * STEPS]
            size, spans = size_of(screen), screen.end()
        finally:
            stop(bench, screen)
    return [row(f"{TABLES:,} × {DATES:,} tasks: key to map", text_seconds(opened), "–", None, {"steps": steps, **spans}),
            row("  a step in it: median, worst", text_spans(steps)),
            row("  resident, proportional", text_size(size)),
            row("  asking the database: median, worst", text_spans(spans["load"]))]


def work_screen(bench):
    rows = []
    for part, what in ((idle, f"{MANY_TABLES:,} tables"), (busy, f"{ACTIONS:,} tasks at work"), (million, f"{TABLES:,} × {DATES:,} tasks")):
        say(f"(screen) {what}")
        try:
            if bench.missing():
                raise Failed(bench.missing())
            rows += part(bench)
        except Failed as failure:
            rows.append(unmeasured(bench, "screen", what, "–", "–", str(failure), "–", {}))
    return rows


WORKS = {"screen": work_screen}
