"""Entry point of the engine: load the stack's configuration, build it."""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "app")]

import pulumi  # noqa: E402 - the path is set above
from pulumi.runtime.config import get_config_env  # noqa: E402 - the path is set above

from infra.config.errors import ConfigInvalid  # noqa: E402 - the path is set above
from infra.config.loader import from_engine  # noqa: E402 - the path is set above
from infra.program import build  # noqa: E402 - the path is set above

_ALREADY_EXPLAINED = 32  # the exit status after which the engine adds nothing

# When a resource fails the engine interrupts the program, and two screens of traceback would hide the reason.
signal.signal(signal.SIGINT, lambda *_: os._exit(_ALREADY_EXPLAINED))
try:
    config = from_engine(get_config_env(), pulumi.get_stack(), ROOT, os.environ)
except ConfigInvalid as error:
    raise pulumi.RunError(str(error)) from None
build(config)
