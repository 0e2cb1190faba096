"""Starting, timing and watching programs, and leaving nothing of them behind.

Whatever is started here is known here by its id, and `clean` ends it, also after a failure or a signal:
children by their process group, a private Postgres by the pid in its own postmaster.pid.
"""
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A program that was measured did not do its work; the text says which and why."""


class Bench:
    """The programs and folders of one bench run. Everything it writes is below `work`, but for the data of the
    private clusters when root runs it: those must lie where the user postgres may go."""

    def __init__(self, root, rounds, soak_seconds):
        self.root = root
        self.rounds = rounds
        self.soak_seconds = soak_seconds
        self.cache = os.path.join(root, "build", "bench")
        self.bin = os.path.join(self.cache, "bin")
        self.strata_bin = os.environ.get("STRATA_BENCH_BIN", os.path.join(root, "build", "release"))
        self.children = []
        self.failures = 0
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("STRATA_", "PG"))}
        self.environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
        self.sweep()
        self.work = tempfile.mkdtemp(prefix="work.", dir=self.cache)
        if os.geteuid() == 0:
            self.state = tempfile.mkdtemp(prefix="strata-bench.", dir="/var/lib")
            os.chmod(self.state, 0o755)
            self.environment["STRATA_STATE_DIR"] = self.state
            with open(os.path.join(self.cache, "state"), "w", encoding="utf-8") as file:
                file.write(self.state)

    def sweep(self):
        """What a bench left that was killed: the lock is ours, so nobody uses it."""
        self.state = None
        try:
            with open(os.path.join(self.cache, "state"), encoding="utf-8") as file:
                self.state = file.read().strip() or None
        except FileNotFoundError:
            pass
        for self.work in glob.glob(os.path.join(self.cache, "work.*")) or [os.path.join(self.cache, "work")]:
            self.clean()
        self.state = None

    def folder(self, name):
        """A new one. Nothing is removed before the end: ext4 passes over inodes that were deleted in the last
        minutes one by one, so one round's removal would slow the next round's every new file."""
        return tempfile.mkdtemp(prefix=name + ".", dir=self.work)

    def start(self, argv, cwd=None, stdout=None, stderr=None, stdin=subprocess.DEVNULL, environment=None):
        """A child in a process group of its own, so that its own children can be ended with it."""
        child = subprocess.Popen(argv, cwd=cwd, env={**self.environment, **(environment or {})}, stdin=stdin, stdout=stdout,
                                 stderr=stderr, start_new_session=True)
        self.children.append(child)
        return child

    def wait(self, child):
        """Its exit status and its rusage, children that it waited for included."""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.children.remove(child)
        return child.returncode, usage

    def timed(self, argv, cwd=None, expect=(0,)):
        """Run to the end; seconds by the wall clock, from fork to exit."""
        with tempfile.TemporaryFile(dir=self.work) as out, tempfile.TemporaryFile(dir=self.work) as errors:
            begin = time.perf_counter()
            child = self.start(argv, cwd, out, errors)
            status, usage = self.wait(child)
            seconds = time.perf_counter() - begin
            out.seek(0)
            errors.seek(0)
            output, complaint = out.read(), errors.read().decode(errors="replace").strip()
        if status not in expect:
            raise Failed(f"{' '.join(argv[:8])}: exit {status}: {last_lines(complaint or output.decode(errors='replace'))}")
        return Timed(seconds, usage.ru_maxrss * 1024, output.decode(errors="replace"))

    def watched(self, argv, sample, every=0.02):
        """As `timed`, but calls sample(pid) every so many seconds while it runs."""
        stop = threading.Event()

        def watch(pid):
            while not stop.wait(every):
                sample(pid)

        with tempfile.TemporaryFile(dir=self.work) as errors:
            begin = time.perf_counter()
            child = self.start(argv, None, subprocess.DEVNULL, errors)
            watcher = threading.Thread(target=watch, args=(child.pid,), daemon=True)
            watcher.start()
            status, usage = self.wait(child)
            seconds = time.perf_counter() - begin
            stop.set()
            watcher.join()
            errors.seek(0)
            complaint = errors.read().decode(errors="replace").strip()
        if status:
            raise Failed(f"{' '.join(argv[:8])}: exit {status}: {last_lines(complaint)}")
        return Timed(seconds, usage.ru_maxrss * 1024, "")

    # --- strata ---

    def strata(self, project, *args):
        return [os.path.join(self.strata_bin, "strata"), "-C", project, *args]

    def missing(self):
        """Why strata cannot be measured, or None."""
        for program in ("strata", "strata-worker"):
            if not os.access(os.path.join(self.strata_bin, program), os.X_OK):
                return f"no {program} in {os.path.relpath(self.strata_bin, self.root)}"
        return None

    def clusters(self):
        """Data folders of the private clusters below our folders."""
        found = glob.glob(os.path.join(self.work, "**", ".strata", "pg*"), recursive=True, include_hidden=True)
        return found + (glob.glob(os.path.join(self.state, "*-*")) if self.state else [])

    def conninfo(self, project):
        """How to reach the private cluster of a project, from what its server says of itself."""
        candidates = [os.path.join(project, ".strata", "pg")] if not self.state else self.clusters()
        running = [lines for lines in map(postmaster, candidates) if lines]
        if len(running) != 1:
            raise Failed(f"{len(running)} private clusters are running, not one")
        return f"host={running[0][4]} port={running[0][3]} user=strata dbname=postgres"

    def stop_cluster(self, data):
        """End every server of this data folder: the kernel says which processes work in it, whatever state
        its postmaster.pid is in. First the fast shutdown, then the immediate one."""
        lines = postmaster(data)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pids = working_in(data)
            parents = pids - {child for pid in pids for child in children_of(pid)}
            send(parents or pids, number)
            if until(lambda: not working_in(data), 10):
                break
        if lines and re.search("/strata(/|-[0-9a-f-]*$)", lines[4]):
            shutil.rmtree(lines[4], ignore_errors=True)

    def drop(self, project):
        """Stop a project's cluster; its folder stays until the end."""
        for data in self.clusters():
            if self.state or os.path.realpath(data).startswith(os.path.realpath(project) + os.sep):
                self.stop_cluster(data)

    def clean(self):
        for child in list(self.children):
            for number in (signal.SIGTERM, signal.SIGKILL):  # strata cancels cleanly; its workers end with it
                if child.returncode is None:
                    os.killpg(child.pid, number)
                    until(lambda child=child: child.poll() is not None, 10)
        self.children = []
        for data in self.clusters():
            self.stop_cluster(data)
        shutil.rmtree(self.work, ignore_errors=True)
        if self.state:
            shutil.rmtree(self.state, ignore_errors=True)


def working_in(folder):
    """The processes whose current folder it is."""
    found, real = set(), os.path.realpath(folder)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == real:
                found.add(int(pid))
        except OSError:
            pass
    return found


def until(condition, seconds):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Timed:
    def __init__(self, seconds, peak, output):
        self.seconds = seconds
        self.peak = peak  # bytes, of the largest process of its tree
        self.output = output


def last_lines(text, count=3):
    return " / ".join(text.splitlines()[-count:]) or "(it said nothing)"


def postmaster(data):
    """The lines of a cluster's postmaster.pid: pid, data, start, port, socket folder, …; None when down."""
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    return lines if len(lines) >= 5 else None


def children_of(pid):
    pids = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path, encoding="ascii") as file:
                pids += [int(word) for word in file.read().split()]
        except OSError:
            pass
    return pids


def tree_of(pid):
    found = [pid]
    for process in found:
        found += children_of(process)
    return found


def rss_of(pid):
    """Resident bytes; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def cost_of(pid):
    """Seconds of CPU and how often it went to sleep, since it began, of all its threads."""
    cpu = sleeps = 0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(f"{task}/schedstat", encoding="ascii") as file:
            cpu += int(file.read().split()[0])
        with open(f"{task}/status", encoding="ascii") as file:
            sleeps += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))
    return cpu / 1e9, sleeps


def smaps(pid, key):
    """Bytes of a line of smaps_rollup; 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(rf"^{key}:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024
    except (OSError, AttributeError):
        return 0


def count_published(lake):
    return sum("_SUCCESS" in files for layer in ("ods", "dwd", "dim", "dwm", "dws", "ads")
               for _, _, files in os.walk(os.path.join(lake, layer)))


def median(numbers):
    """None of nothing."""
    return statistics.median(numbers) if numbers else None


def text_span(seconds):
    """Of minutes, for people."""
    return f"{seconds / 60:g} min"


def text_seconds(seconds):
    if seconds is None:
        return "–"
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
