"""Stands in for `anyon` in tests about starting it: the same verbs, a service ready at once, one agent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATA = Path(os.environ.get("ANYON_DATA_DIR", "."))
AGENT = DATA / "workspaces" / "agent.pid"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = not (DATA / "never-ready").exists()
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"pid": os.getpid(), "environment": dict(os.environ)}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


def serve(descriptor: int) -> None:
    if (DATA / "crash-at-start").exists():
        sys.stderr.write("the database is of a newer version\n")
        sys.exit(3)
    if not AGENT.exists():
        AGENT.parent.mkdir(exist_ok=True)
        agent = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        AGENT.write_text(str(agent.pid))
    server = ThreadingHTTPServer(("", 0), _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stderr.write(f"serving on {server.socket.getsockname()}\n")
    server.serve_forever()


def main(verb: str, *rest: str) -> int:
    match [verb, *rest]:
        case ["serve", "--listening", descriptors]:
            serve(int(descriptors.split(",")[0]))
        case ["workspaces", "stop"]:
            if AGENT.exists():
                with suppress(ProcessLookupError):
                    os.kill(int(AGENT.read_text()), signal.SIGKILL)
                AGENT.unlink()
        case ["user", "admin-link", *only]:
            if only and (DATA / "logged-in").exists():
                return 0
            sys.stdout.write(f"http://127.0.0.1:{os.environ['ANYON_PORT']}/#login=token\n")
        case _:
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
