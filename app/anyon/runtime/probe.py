"""Finds out, once per start of the service, in what kind of sandbox workspaces can run on this host."""

from __future__ import annotations

import asyncio
import compileall
import os
import pwd
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyon
from anyon.runtime import sandbox
from anyon.runtime.errors import IsolationUnavailable
from anyon.settings import Isolation

NOT_ISOLATED = "Workspaces are not isolated from each other on this host"
PACKAGE = Path(anyon.__file__).resolve().parent
_TRIAL_SECONDS = 20.0
_NO_LOGIN = frozenset({"nologin", "false"})


@dataclass(frozen=True)
class Verdict:
    """`host` is None when workspaces run without a sandbox; `note` says so, or what weakens the sandbox."""

    host: sandbox.Host | None
    note: str


def interpreter() -> Path:
    """The interpreter of agents: the one below this process's virtual environment, with its links resolved."""
    executable: str = getattr(sys, "_base_executable", None) or sys.executable
    return Path(executable).resolve()


def _prefix() -> Path:
    """Folder of the interpreter and its library. Called as /bin/python3, a system's own says that it is `/`."""
    return Path("/usr") if interpreter().is_relative_to("/usr") else Path(sys.base_prefix).resolve()


def compile_agent(package: Path) -> None:
    """Compile the agent's modules where they lie, if that can be written.

    Inside of a sandbox it cannot: each start would compile them again, which takes longer than all the rest of it.
    """
    compileall.compile_dir(package / "agent", quiet=2)


async def decide(wanted: Isolation, generated_etc: Path, workspace_uid: int, package: Path) -> Verdict:
    """Try the sandbox for real. Raises IsolationUnavailable when it is insisted upon and does not work."""
    if wanted is Isolation.NONE:
        return Verdict(None, f"{NOT_ISOLATED}: ANYON_ISOLATION is none.")
    bwrap, setpriv = shutil.which("bwrap"), shutil.which("setpriv")
    if bwrap is None:
        return _without(
            wanted, "bubblewrap is not installed.", "Install the package bubblewrap and restart the service."
        )
    if os.geteuid() == 0 and setpriv is None:
        return _without(wanted, "setpriv is missing.", "Install the package util-linux and restart the service.")
    host = _facts(bwrap, setpriv or "", generated_etc, workspace_uid, package)
    if generated_etc.is_relative_to(host.python_prefix):
        reason = f"the data folder lies in the interpreter's folder {host.python_prefix}, which workspaces read."
        return _without(wanted, reason, "Move the data folder (ANYON_DATA_DIR).")
    complaint = await _try(host)
    if complaint:
        remedy = "Permit unprivileged user namespaces (docs/reference/isolation.md), or set ANYON_ISOLATION=none."
        return _without(wanted, f"bubblewrap does not work here: {complaint}", remedy)
    if not host.as_root:
        stricter = replace(host, disable_userns=True)
        if not await _try(stricter):
            host = stricter
    return Verdict(host, shared_uid_note(workspace_uid) if host.as_root else "")


def shared_uid_note(uid: int) -> str:
    """What to say when the workspaces' user id is that of somebody who logs in to this host; empty otherwise."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return ""
    if Path(account.pw_shell).name in _NO_LOGIN:
        return ""
    return (
        f"Workspaces run under user id {uid}, which is {account.pw_name} on this host: what trusts that user trusts "
        "every workspace. Set ANYON_WORKSPACE_UID to an id that nobody has."
    )


def _without(wanted: Isolation, reason: str, remedy: str) -> Verdict:
    if wanted is Isolation.BUBBLEWRAP:
        raise IsolationUnavailable(reason=reason, remedy=remedy)
    return Verdict(None, f"{NOT_ISOLATED}: {reason}")


def _facts(bwrap: str, setpriv: str, generated_etc: Path, workspace_uid: int, package: Path) -> sandbox.Host:
    generated_etc.mkdir(mode=0o755, exist_ok=True)
    for name, text in sandbox.generated_etc(_hosts()).items():
        file = generated_etc / name
        with suppress(FileNotFoundError):
            if file.read_text(encoding="utf-8") == text:
                continue
        temporary = generated_etc / f"{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(file)
    etc, links, folders = sandbox.inspect(Path("/"))
    return sandbox.Host(
        bwrap=bwrap,
        setpriv=setpriv,
        python=interpreter(),
        python_prefix=_prefix(),
        package=package,
        generated_etc=generated_etc,
        etc=etc,
        links=links,
        top_level=folders,
        as_root=os.geteuid() == 0,
        workspace_uid=workspace_uid,
    )


def _hosts() -> str:
    try:
        return Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "127.0.0.1 localhost\n::1 localhost\n"


async def _try(host: sandbox.Host) -> str:
    """Run the agent's interpreter in a sandbox without folders. The complaint, or nothing when it works."""
    script = "open('/opt/anyon/agent/__init__.py').close(); open('/opt/anyon/__init__.py').close()"
    argv = sandbox.arguments(
        host,
        folder=None,
        import_source=None,
        variables=sandbox.environment(),
        info_descriptor=None,
        command=[str(host.python), "-I", "-S", "-c", script],
    )
    return await _complaint(argv, {})


async def _complaint(argv: list[str], variables: Mapping[str, str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return f"{error.strerror}."
    try:
        async with asyncio.timeout(_TRIAL_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return "it did not finish."
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return "" if process.returncode == 0 else (lines[-1] if lines else f"it ended with status {process.returncode}.")
