"""A terminal that is not a good one: runs a command in it, does one thing to it, and says how the command ended.

    terminal.py [--term KIND] [--size COLUMNSxROWS] [--unread] [--storm N] [--send KEYS] [--signal NAME | --hang-up] COMMAND…

It waits until the command has drawn something (with --unread: until it has filled the terminal, of which nobody reads),
prints what came last, without escapes, and `ended STATUS`, or `still up` where it did not end within 20 s.
"""
import argparse
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

WAIT_SECONDS = 20


def resize(master, columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read(master, child, enough):
    """Until `enough(bytes so far)`, the end, or in vain."""
    got, end = b"", time.monotonic() + WAIT_SECONDS
    while not enough(got) and time.monotonic() < end:
        if select.select([master], [], [], 0.05)[0]:
            try:
                got += os.read(master, 1 << 16)
            except OSError:
                break
        elif child.poll() is not None:
            break
    return got


def resident(child):
    with open(f"/proc/{child.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_stuck(child):
    """Each write passes through the terminal for a moment; one that has no room stays there."""
    for _ in range(30):
        with open(f"/proc/{child.pid}/wchan", encoding="ascii") as file:
            if not re.search("tty|pty|wait_woken", file.read()):
                return False
        time.sleep(0.01)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--term", default="xterm-256color")
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--unread", action="store_true")
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--send", default="")
    parser.add_argument("--signal")
    parser.add_argument("--hang-up", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    columns, rows = map(int, options.size.split("x"))
    master, slave = os.openpty()
    resize(master, columns, rows)
    child = subprocess.Popen(options.command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": options.term},
                             preexec_fn=lambda: (os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY, 0)))
    os.close(slave)
    try:
        text = b"" if options.unread else read(master, child, lambda got: b"scheduler" in got)
        if options.unread:
            select.select([master], [], [], WAIT_SECONDS)
        before = resident(child) if child.poll() is None else 0
        for i in range(options.storm):
            resize(master, columns - i % 20, rows - i % 10)
        resize(master, columns, rows)
        if options.send:
            os.write(master, options.send.encode())
        if options.hang_up:
            os.close(master)
        elif options.signal:
            if options.unread:  # stuck in a write: it was to be drawn again and again, and it sleeps
                end = time.monotonic() + WAIT_SECONDS
                while time.monotonic() < end and not is_stuck(child):
                    os.write(master, b"\x0c")  # Ctrl-L: the whole screen once more
                    time.sleep(0.01)
                print("stuck" if is_stuck(child) else "never stuck")
                print("grown", max(0, resident(child) - before) >> 20, "MB")
            child.send_signal(getattr(signal, options.signal))
        if not options.unread and not options.hang_up:
            text += read(master, child, lambda got: False)
        print(re.sub(r"\x1b[\[(][0-9;?]*[a-zA-Z]", "", text.decode(errors="replace"))[-3000:])
        try:
            print("ended", child.wait(WAIT_SECONDS))
        except subprocess.TimeoutExpired:
            print("still up")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    return 0


sys.exit(main())
