"""Guards that every test runs under."""

from __future__ import annotations

import ipaddress
import logging
import sys
from typing import Any

import structlog

from tests.needs import pytest_runtest_setup, pytest_terminal_summary

__all__ = ["pytest_runtest_setup", "pytest_terminal_summary"]


class NetworkRefused(AssertionError):
    """A test wanted to leave this machine."""


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Let sockets go to this machine only: by loopback, or by a unix socket's path."""
    if event not in {"socket.connect", "socket.sendto"} or not isinstance(arguments[1], tuple):
        return
    host = arguments[1][0]
    try:
        allowed = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed and isinstance(host, str):
        raise NetworkRefused(f"{event} to {host!r}: tests stay on this machine")


sys.addaudithook(_refuse_the_network)
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
    wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
)
