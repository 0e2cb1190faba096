"""A receiver of callbacks that knows keys: what it is told twice under one key has one effect.

    receiver.py FOLDER [PORT]

Listens on loopback, on PORT or a free one, and says which in FOLDER/port. FOLDER/calls has a line for each request, "KEY
EVENT"; FOLDER/effects the body of each that is new and was accepted. The first so many as FOLDER/fail says are answered
with 503, and while there is a file FOLDER/hang none is answered at all.
"""
import http.server
import json
import os
import pathlib
import sys
import threading
import time

folder = pathlib.Path(sys.argv[1])
turn = threading.Lock()


def append(name, line):
    with open(folder / name, "a", encoding="utf-8") as file:
        file.write(line + "\n")


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = json.loads(body)
        with turn:
            append("calls", f"{self.headers['Idempotency-Key']} {told['event']}")
            append("headers", f"{self.path} {self.headers.get('Authorization', '')}")
            fail = int((folder / "fail").read_text()) if (folder / "fail").exists() else 0
            if fail:
                (folder / "fail").write_text(str(fail - 1))
            elif told["key"] == self.headers["Idempotency-Key"] and told["key"] not in self.known():
                append("effects", body)
        while (folder / "hang").exists():
            time.sleep(0.05)
        self.send_response(503 if fail else 204)
        self.end_headers()

    @staticmethod
    def known():
        path = folder / "effects"
        return {json.loads(line)["key"] for line in path.read_text().splitlines()} if path.exists() else set()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Receiver)
server.daemon_threads = True
(folder / "port.new").write_text(str(server.server_port))
os.rename(folder / "port.new", folder / "port")
server.serve_forever()
