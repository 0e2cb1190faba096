"""Drives strata-worker by its line protocol, as a scheduler of one's own: python3 worker.py WORKER LAKE COMMAND …

republish TABLE DATE COUNT FENCE SQL   COUNT versions in turn, with fences from FENCE on; {n} in SQL is the turn
overtaken TABLE DATE FENCE             a try stopped before it takes the partition's lock, overtaken, continued
killed TABLE DATE FENCE                a try stopped before its exchange, killed while the next one waits for it

Prints what a test compares, one word or a few a line. Fails with a traceback when the worker does not answer as
docs/PROTOCOL.md says.
"""
import fcntl
import json
import os
import signal
import subprocess
import sys
import uuid

LIMIT_SECONDS = 120  # of each wait: a bound, not a measure


class Worker:
    """One process with a pipe in each direction; replies are read a line at a time."""

    def __init__(self, program, lake, name, fault=None):
        to_worker, self.requests = os.pipe()
        replies, from_worker = os.pipe()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STRATA_FAULT")}
        if fault:
            environment["STRATA_FAULT"] = fault
        # The protocol's descriptors are 3 and 4; a shell puts them there, from where nothing else is.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_worker, from_worker)]
        move = 'exec "$0" "$1" 3<&{0} 4>&{1} {0}<&- {1}>&-'.format(*ends)
        self.process = subprocess.Popen(["bash", "-c", move, program, name], pass_fds=ends, env=environment,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        for end in (to_worker, from_worker, *ends):
            os.close(end)
        self.replies = os.fdopen(replies, encoding="utf-8")
        self.ids = 0
        lock = f"{lake}/.strata/workers/test-{os.getpid()}-{name}.lock"
        hello = self.ask(op="hello", version=1, lake=lake, lake_uuid="", worker=name, threads=1, memory_bytes=1 << 29, lock=lock)
        if not hello.get("ok"):
            raise RuntimeError(f"hello: {hello}")

    def send(self, **body):
        self.ids += 1
        os.write(self.requests, json.dumps({**body, "id": self.ids}).encode() + b"\n")

    def reply(self):
        """The last reply to what was sent, past its events."""
        for line in self.replies:
            reply = json.loads(line)
            if "event" not in reply:
                return reply
        raise RuntimeError("the worker has gone")

    def ask(self, **body):
        self.send(**body)
        return self.reply()

    def await_stopped(self):
        pid, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise RuntimeError(f"worker {pid} ended with {status} instead of stopping")

    def signal(self, number):
        os.kill(self.process.pid, number)

    def close(self):
        os.close(self.requests)
        self.process.wait(LIMIT_SECONDS)


def try_of(table, date, fence, sql):
    return {"op": "run", "try_id": str(uuid.uuid4()), "run_id": "test", "fence": fence, "qname": table, "partition": date,
            "run_date": date, "partitioned": True, "engine": "duckdb", "sql": sql, "inputs": [], "primary_keys": [],
            "columns": [], "allow_empty": True, "next_version": 1}


def republish(program, lake, table, date, count, fence, sql):
    worker = Worker(program, lake, "publisher")
    published = 0
    for n in range(1, int(count) + 1):
        result = worker.ask(**try_of(table, date, int(fence) + n, sql.replace("{n}", str(n))))
        if result.get("outcome") != "success":
            raise RuntimeError(f"turn {n}: {result}")
        published += 1
    worker.close()
    print(published)


def overtaken(program, lake, table, date, fence):
    fence = int(fence)
    late = Worker(program, lake, "late", fault="commit.lock:1:stop")
    late.send(**try_of(table, date, fence, "SELECT 'late' AS who"))
    late.await_stopped()
    fast = Worker(program, lake, "fast")
    print("fast", fast.ask(**try_of(table, date, fence + 1, "SELECT 'fast' AS who"))["outcome"])
    fast.close()
    late.signal(signal.SIGCONT)
    print("late", late.reply()["outcome"])
    late.close()


def killed(program, lake, table, date, fence):
    fence = int(fence)
    late = Worker(program, lake, "late", fault="commit.exchange:1:stop")
    late.send(**try_of(table, date, fence, "SELECT 'late' AS who"))
    late.await_stopped()
    fast = Worker(program, lake, "fast")
    fast.send(**try_of(table, date, fence + 1, "SELECT 'fast' AS who"))
    late.signal(signal.SIGKILL)  # the kernel lets its lock go; who waits for it goes on
    late.process.wait(LIMIT_SECONDS)
    print("fast", fast.reply()["outcome"])
    fast.close()


if __name__ == "__main__":
    signal.alarm(LIMIT_SECONDS * 2)
    {"republish": republish, "overtaken": overtaken, "killed": killed}[sys.argv[3]](*sys.argv[1:3], *sys.argv[4:])
