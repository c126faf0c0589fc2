"""Lets the engine run apart from everything else on this host, and still have things done here.

The engine, its language host and the provider talk to each other over ports of the loopback interface that ask nobody
who they are, and whoever reaches one of them can have programs run as this user. Workspaces share the host's network.
So the engine gets a network of its own (`alone`), and what the provider has to do on the host goes through a unix
socket in a folder that only this user may enter (`serving`, `handlers`).
"""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from infra.local.errors import LocalError
from infra.local.host.handlers import Handler
from infra.local.specs import Spec

VARIABLE = "ANYON_LOCAL_RELAY"
"""Names the socket to the provider."""


class State(BaseModel):
    """What was observed, as it came."""

    model_config = ConfigDict(extra="allow")


def alone() -> list[str]:
    """What a command line begins with so that the program runs in a network of its own.

    Empty where bubblewrap does not work: there workspaces are not kept from anything else either.
    """
    program = shutil.which("bwrap")
    prefix = [str(program), "--dev-bind", "/", "/", "--unshare-net", "--"]
    works = program is not None and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if works else []


@contextmanager
def serving(table: Mapping[str, Handler]) -> Iterator[str]:
    """Do the handlers' work here while the block runs; gives the socket's path, which is short enough to be one."""
    with tempfile.TemporaryDirectory(prefix="anyon-") as folder:
        address = f"{folder}/relay"
        with socketserver.ThreadingUnixStreamServer(address, partial(_Call, table)) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            try:
                yield address
            finally:
                server.shutdown()


class _Call(socketserver.StreamRequestHandler):
    """One question, one answer."""

    def __init__(self, table: Mapping[str, Handler], *arguments: Any) -> None:
        self._table = table
        super().__init__(*arguments)

    def handle(self) -> None:
        question = json.loads(self.rfile.readline())
        handler = self._table[question["kind"]]
        work: Callable[[Spec], BaseModel | None] = {
            "apply": handler.apply,
            "observe": handler.observe,
            "remove": handler.remove,
        }[question["work"]]
        try:
            state = work(handler.spec.model_validate(question["spec"]))
            answer: dict[str, Any] = {"state": state.model_dump(mode="json") if state is not None else None}
        except LocalError as error:
            answer = {"error": {"summary": error.summary, "detail": error.detail, "hint": error.hint}}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def handlers(table: Mapping[str, Handler], address: str) -> dict[str, Handler]:
    """The same table, whose work is done by whoever serves at `address`."""
    found = {}
    for kind, handler in table.items():
        there = _There(address, kind)
        found[kind] = replace(handler, apply=there.apply, observe=there.observe, remove=there.remove)
    return found


class _There(NamedTuple):
    """A handler on the other side. Its methods raise LocalError, also the one that was raised there."""

    address: str
    kind: str

    def apply(self, spec: Spec) -> BaseModel:
        return State(**self._ask("apply", spec))

    def observe(self, spec: Spec) -> BaseModel | None:
        state = self._ask("observe", spec)
        return None if state is None else State(**state)

    def remove(self, spec: Spec) -> None:
        self._ask("remove", spec)

    def _ask(self, work: str, spec: Spec) -> Any:
        question = {"kind": self.kind, "work": work, "spec": spec.model_dump(mode="json")}
        with socket(AF_UNIX, SOCK_STREAM) as connection:
            connection.connect(self.address)
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps(question).encode() + b"\n")
                stream.flush()
                line = stream.readline()
        if not line:
            raise LocalError("The command that started the engine does not answer", hint="Run it again.")
        answer = json.loads(line)
        if "error" in answer:
            raise LocalError(**answer["error"])
        return answer["state"]
