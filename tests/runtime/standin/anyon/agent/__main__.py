"""Answers each connection with what a shell script printed.

A client sends the token, a line feed, and the script, and closes its side; it gets the combined output and a last line
with the exit status. How it starts can be spoiled by files in the home folder: `never-listen`, `die` (with its text as
last words), `ignore-term`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

Options = dict[str, str]


def main() -> None:
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    token = sys.stdin.readline().strip()
    if not token:
        sys.exit("no token")
    print("arguments", sys.argv, file=sys.stderr)
    home = Path(options["--home"])
    if (home / "die").exists():
        sys.exit((home / "die").read_text())
    signal.signal(signal.SIGTERM, signal.SIG_IGN if (home / "ignore-term").exists() else lambda *_: os._exit(0))
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, as the real agent does
    if (home / "never-listen").exists():
        while True:
            signal.pause()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(options["--socket"])
    os.chmod(options["--socket"], 0o666)  # noqa: PTH101, S103  # as the real agent: its token protects it
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, token, options), daemon=True).start()


def answer(connection: socket.socket, token: str, options: Options) -> None:
    with connection, connection.makefile("rb") as incoming:
        given = incoming.readline().decode().strip()
        if given != token:
            return
        script = incoming.read().decode()
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=options["--workspace"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ANYON_WORKSPACE": options["--workspace"]},
            check=False,
        )
        connection.sendall(done.stdout + f"\n{done.returncode}".encode())
