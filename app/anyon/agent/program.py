"""From the parsed command line to a running agent: environment, signals, reaping, log."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from anyon.agent.processes import Processes
from anyon.agent.server import Agent, Options

_PR_SET_CHILD_SUBREAPER = 36
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OWN_VARIABLES = ("ANYON_", "PYTHON")  # for the agent, not for what runs in the workspace

_log = logging.getLogger(__name__)


def run(found: dict[str, list[str]], token: str) -> None:
    """Serve until told to stop."""
    logging.basicConfig(
        stream=sys.stderr,
        level=found["log-level"][-1].upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    _keep_descriptors_from_children()
    _become_subreaper()
    options = Options(
        workspace=Path(found["workspace"][-1]),
        home=Path(found["home"][-1]),
        state=Path(found["state"][-1]),
        socket=Path(found["socket"][-1]),
        generation=found["generation"][-1],
        token=token,
        allowed_uids=frozenset(map(int, found["allow-uid"])),
        max_log_bytes=int(found["max-log-bytes"][-1]),
        max_running_executions=int(found["max-running-executions"][-1]),
        max_terminals=int(found["max-terminals"][-1]),
    )
    asyncio.run(_run(options))


async def _run(options: Options) -> None:
    processes = Processes()
    agent = Agent(options, workspace_environment(os.environ, options), processes)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    loop.add_signal_handler(signal.SIGCHLD, processes.reap_strangers)
    await agent.run()
    _log.info("stopped")


def workspace_environment(inherited: Mapping[str, str], options: Options) -> dict[str, str]:
    """What programs in the workspace start from: the agent's own environment without what is the agent's alone."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_OWN_VARIABLES)}
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        **kept,
        "HOME": str(options.home),
        "ANYON_WORKSPACE": str(options.workspace),
    }


def _become_subreaper() -> None:
    """Orphans of the workspace come to the agent even where it is not PID 1, so that a stop finds them."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _log.warning("orphaned processes will not come to the agent: prctl failed")


def _keep_descriptors_from_children() -> None:
    """What the agent inherited, beside the standard streams, is not for the workspace."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        descriptor = int(name)
        if descriptor > 2:
            try:
                os.set_inheritable(descriptor, False)
            except OSError:
                continue  # the one that listed the folder
