"""What the world does to a run besides killing it: the lake's disk is full or read-only, the database goes away for a
while or refuses connections, processes are stopped past every timeout. Each time the message says what it was, and the
same command completes the work when the world is well again.

    world.py [--long]
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from lab import DATES, Lab, Project, Tap, age_raw, plan_of_rest, wait_until

SPAN = ["--start", DATES[0], "--end", DATES[-1], "--jobs", "2"]
FILES = {
    "dags/dw_config.yaml": "layer_dependencies: {dwd: [ods]}\n"
                           "sources:\n  ods_a: {path: raw/a, options: {columns: {id: BIGINT}}}\n",
    "dags/ods/ods_a.sql": "SELECT id FROM tmp_ods_a\n-- ${PARTITION_DATE}\n",
    # Some MB that do not compress.
    "dags/dwd/dwd_a.sql": "SELECT id, hash(id * 1000000 + r.range) AS h FROM ods.ods_a, range(40000) r"
                          " WHERE dt = '${PARTITION_DATE}'\n",
}
# Its only task waits for a file, so that a test knows where the run is.
WAITING = "#!/bin/sh\ntouch started\nwhile [ ! -e go ]; do sleep 0.05; done\nprintf 'id\\n1\\n' > \"$STRATA_OUTPUT_DIR/a.csv\"\n"


class Mount:
    """A small filesystem of its own, gone at the end."""

    def __init__(self, folder, size):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.folder)], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


# Says when two of it run at once.
ALONE = ("#!/bin/sh\nexec 8> \"busy-$STRATA_TABLE\"\nflock -n 8 || echo \"$STRATA_TABLE\" >> twice\n"
         "echo \"$STRATA_TABLE\" >> started\nwhile [ ! -e go ]; do sleep 0.05; done\n"
         "printf 'id\\n1\\n' > \"$STRATA_OUTPUT_DIR/a.csv\"\n")


class Relay:
    """A way of its own to the database, which can be cut for one scheduler while the server lives for others."""

    def __init__(self, folder, pg):
        self.folder, self.pg, self.open = pathlib.Path(folder), pg, []
        self.folder.mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / f".s.PGSQL.{pg.port}"))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.pg.folder / f".s.PGSQL.{self.pg.port}"))
            except OSError:
                return
            self.open += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        (self.folder / f".s.PGSQL.{self.pg.port}").unlink()
        for one in [self.listener, *self.open]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def conninfo(self, database):
        return self.pg.conninfo(database).replace(str(self.pg.folder), str(self.folder))


class World:
    def __init__(self):
        self.lab, self.count = Lab(), 0

    def project(self, folder=None, files=None):
        self.count += 1
        name = f"w{self.count}"
        project = Project(folder or self.lab.folder / name, self.lab.pg, name)
        self.lab.pg.sql(f"CREATE DATABASE {name}")
        for path, text in (files or FILES).items():
            project.write(path, text, 0o755 if path.endswith(".sh") else 0o644)
        if not files:
            for day in DATES:
                project.write(f"raw/a/dt={day}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(10)))
            age_raw(project)
        return project

    def waiting(self):
        return self.project(files={"dags/dw_config.yaml": "layer_dependencies: {ods: []}\n"
                                   "defaults: {timeout: 5s, retries: 0}\n", "dags/ods/ods_slow.sh": WAITING})

    @staticmethod
    def completes(project, *command):
        status, output = project.strata(*command)
        return ([f"afterwards: status {status}: {output}"] if status != 0 else []) + project.problems()

    def full_disk(self):
        """ENOSPC in the middle of a COPY: a failed task, nothing half-published, and room again completes it."""
        with Mount(self.lab.folder / "small", "6m") as mount:
            project = self.project(mount.folder)
            status, output = project.strata("run", *SPAN)
            problems = [f"status {status}: {output}"] if status != 1 or "No space left" not in output else []
            for key, manifest in project.manifests().items():
                if not manifest["file_count"]:
                    problems.append(f"{key}: half-published")
            mount.remount("size=200m")
            return problems + self.completes(project, "run", *SPAN) + plan_of_rest(project, *SPAN[:-2])

    def full_disk_at_commit(self):
        problems = []
        for point in ("commit.manifest", "commit.fsync", "stage.write", "stage.make", "commit.record"):
            project = self.project()
            project.write("dags/dwd/dwd_a.sql", "SELECT id FROM ods.ods_a WHERE dt = '${PARTITION_DATE}' AND id < 0\n"
                          if point == "commit.record" else FILES["dags/dwd/dwd_a.sql"])
            status, output = project.strata("run", *SPAN, STRATA_FAULT=f"{point}:1:enospc", STRATA_FAULT_ONCE=str(project.folder / "once"))
            if status != 1 or "No space left" not in output:
                problems.append(f"{point}: status {status}: {output}")
            problems += self.completes(project, "run", *SPAN)
        return problems

    def read_only(self):
        """A lake that became read-only: an error that says so, status 1 or 3, and nothing changed."""
        with Mount(self.lab.folder / "readonly", "100m") as mount:
            project = self.project(mount.folder)
            problems = self.completes(project, "run", *SPAN)
            before = project.content()
            mount.remount("ro")
            status, output = project.strata("run", "--force", *SPAN)
            if status not in (1, 3) or "ead-only file system" not in output:
                problems.append(f"status {status}: {output}")
            if project.content() != before:
                problems.append("the lake changed")
            mount.remount("rw")
            return problems + self.completes(project, "run", "--force", *SPAN)

    def database_away(self):
        """Postgres is stopped while a task runs, refuses connections, and comes back: the run goes on by itself."""
        project = self.waiting()
        project.write("dags/dw_config.yaml", "layer_dependencies: {ods: []}\n")
        log = project.folder / "log"
        with open(log, "wb") as output:
            process = project.start("run", "--date", DATES[0], output=output)
            wait_until((project.folder / "started").exists, "the task")
            self.lab.pg.stop()
            (project.folder / "go").touch()
            wait_until(lambda: list(project.folder.glob("ods/ods_slow/manifest.json")), "the publish")
            self.lab.pg.start()
            status = process.wait(timeout=120)
        return ([f"status {status}: {log.read_text()}"] if status != 0 else []) + project.problems()

    def database_refuses(self):
        """No database at all: status 3, and the message names it."""
        project = self.project()
        self.lab.pg.stop()
        status, output = project.strata("run", *SPAN)
        self.lab.pg.start()
        problems = [f"status {status}: {output}"] if status != 3 or "state database" not in output else []
        return problems + self.completes(project, "run", *SPAN)

    def stopped_worker(self):
        """SIGSTOP past the timeout: it is killed, the try is a timeout, and another command builds it."""
        project = self.waiting()
        process = project.start("run", "--date", DATES[0])
        wait_until((project.folder / "started").exists, "the task")
        for pid in project.workers():
            os.kill(pid, signal.SIGSTOP)
        status = process.wait(timeout=120)
        problems = [f"status {status}"] if status != 1 else []
        outcomes = project.sql_rows("SELECT outcome FROM strata.try")
        if outcomes != [{"outcome": "timeout"}]:
            problems.append(f"outcomes: {outcomes}")
        (project.folder / "go").touch()
        return problems + self.completes(project, "run", "--date", DATES[0])

    def stopped_scheduler(self):
        """SIGSTOP of the scheduler, past the timeout too: the others wait, it goes on, and nothing is lost."""
        project = self.waiting()
        process = project.start("run", "--date", DATES[0])
        wait_until((project.folder / "started").exists, "the task")
        os.kill(process.pid, signal.SIGSTOP)
        (project.folder / "go").touch()
        wait_until(lambda: list(project.folder.glob("ods/ods_slow/manifest.json")), "the publish")
        status, output = project.strata("run", "--no-wait")
        problems = [f"another one: status {status}: {output}"] if status != 5 else []
        time.sleep(5.5)  # past the try's timeout: this is the fault itself
        os.kill(process.pid, signal.SIGCONT)
        status = process.wait(timeout=120)
        if status not in (0, 1):
            problems.append(f"status {status}")
        return problems + self.completes(project, "run", "--date", DATES[0])

    def cut_off_scheduler(self):
        """A scheduler that has lost its database, with a recorded try that no worker has yet, beside a new one that has
        taken the lake: nothing runs twice at once, not even while the first one's workers are killed."""
        project = self.project(files={"dags/dw_config.yaml": "layer_dependencies: {ods: []}\n",
                                      "dags/ods/ods_a.sh": ALONE, "dags/ods/ods_b.sh": ALONE})
        relay = Relay(self.lab.folder / "relay", self.lab.pg)
        started, log = project.folder / "started", project.folder / "log"

        def starts():
            return started.read_text().splitlines() if started.exists() else []
        first = project.start("run", "--jobs", "1", STRATA_DB=relay.conninfo(project.database))
        wait_until(lambda: len(starts()) == 1 and len(project.sql_rows("SELECT FROM strata.try")) == 2, "a try and one ahead")
        relay.cut()
        with open(log, "wb") as output:
            second = project.start("run", "--jobs", "2", output=output)
        wait_until(lambda: len(starts()) >= 3, "the second scheduler's tries")
        problems = [] if first.poll() is not None else ["the first scheduler lives beside the second one's tries"]
        (project.folder / "go").touch()
        if second.wait(timeout=120) != 0:
            problems.append(f"the second: {log.read_text()}")
        if first.wait(timeout=120) != -signal.SIGKILL:
            problems.append(f"the first ended with {first.returncode}")
        if (project.folder / "twice").exists() or len(starts()) != 3:
            problems.append(f"started {starts()}, twice at once: {(project.folder / 'twice').exists()}")
        return problems + self.completes(project, "run")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    tap, world = Tap(), World()
    for name in ("full_disk", "full_disk_at_commit", "read_only", "database_away", "database_refuses", "stopped_worker",
                 "stopped_scheduler", "cut_off_scheduler"):
        if arguments.only in (None, name):
            try:
                problems = getattr(world, name)()
            except Exception as error:  # pylint: disable=broad-except # one that breaks hides no other
                problems = [repr(error)]
            tap.result(problems, name)
    tap.end()


if __name__ == "__main__":
    main()
