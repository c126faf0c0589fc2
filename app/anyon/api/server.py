"""Runs the application under uvicorn. Stopping it leaves every workspace, task and terminal running."""

from __future__ import annotations

import errno
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

import structlog
import uvicorn

from anyon import logs
from anyon.api.app import build_app
from anyon.errors import AnyonError
from anyon.settings import Settings

PING_SECONDS = 25.0
"""Below the 60 s after which load balancers drop a silent WebSocket (X11)."""

GRACE_SECONDS = 5
_MAX_SOCKET_MESSAGE = 262_144
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # no IPv6: nobody else can have that half either
_COLLECT_AFTER = 20_000  # objects made and not yet freed
_COLLECT_OLDER_AFTER = (20, 50)  # collections of the generation before


def server_config(settings: Settings) -> uvicorn.Config:
    """The application and how it is served."""
    return uvicorn.Config(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_max_size=_MAX_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
    )


class Server(uvicorn.Server):
    """uvicorn's, with a garbage collector that leaves alone what was loaded to get here.

    A board of 200 cards makes objects enough for a dozen collections, and each would look at everything again: at 350
    reads a second with 10,000 tasks in the database this was most of what the slowest twentieth waited for.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, *_COLLECT_OLDER_AFTER)

    def end_by_signals_in_order(self) -> None:
        """uvicorn stops, and then sends itself the signal again, which would make a failure of an orderly end."""

        def end(number: int, _frame: FrameType | None) -> None:
            if not self.should_exit:  # it came before uvicorn listened
                sys.exit(128 + number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)


class AddressUnusable(AnyonError):
    code, status_hint = "address-unusable", 500
    title = "The service cannot listen"
    detail = "{host}, port {port}: {reason}."
    hint = "Another service may have the port: stop it, or choose another by ANYON_PORT."


def bound_sockets(settings: Settings, stack: ExitStack) -> list[socket.socket]:
    """The addresses, taken before anything else is touched, those that this host has. Raises AddressUnusable."""
    taken: list[socket.socket] = []
    for address in settings.addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            taken.append(stack.enter_context(socket.create_server((address, settings.port), family=family)))
        except OSError as error:
            if not taken or error.errno not in _NOT_HERE:
                raise AddressUnusable(host=address, port=settings.port, reason=error.strerror or error) from error
    return taken


def serve(settings: Settings, descriptors: Sequence[int] = ()) -> int:
    """Serve until SIGTERM or SIGINT; the exit code is 0 then. Raises AnyonError for what keeps it from starting.

    `descriptors` are listening sockets that whoever started this process holds too; without them it takes its own.
    """
    logs.configure(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        given = [stack.enter_context(socket.socket(fileno=descriptor)) for descriptor in descriptors]
        listening = given or bound_sockets(settings, stack)
        server = Server(server_config(settings))
        server.end_by_signals_in_order()
        structlog.get_logger().info("serving", address=settings.origin, data_dir=str(settings.data_dir))
        server.run(sockets=listening)
    return 0 if server.started else 1
