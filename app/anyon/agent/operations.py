"""The table of operations: name, how its arguments are read, who carries it out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from anyon.agent.arguments import Arguments
from anyon.agent.connection import Channel
from anyon.agent.problems import Problem


class Parser(Protocol):
    """A class of `messages`."""

    def parse(self, get: Arguments, /) -> Any:
        """Raises Problem `bad-argument`."""


class Operation(NamedTuple):
    """`carry_out(request)` or, when it streams, `carry_out(request, channel)` gives the result."""

    request: Parser
    carry_out: Callable[..., Awaitable[dict[str, Any]]]
    streams: bool = False
    # Begun, it is brought to an end even if nobody waits any more: half of it would leave a mess.
    completes: bool = False


class Operations:
    """Runs operations by name. `tasks` owns those that complete without a listener."""

    def __init__(self, table: dict[str, Operation], tasks: asyncio.TaskGroup) -> None:
        self._table = table
        self._tasks = tasks

    async def run(self, name: str, values: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Raises Problem `unknown-operation`, `bad-argument`, and what the operation raises."""
        operation = self._table.get(name)
        if operation is None:
            raise Problem(
                "unknown-operation", f"There is no operation {name[:100]!r}.", "The control plane may be newer."
            )
        request = operation.request.parse(Arguments(values))
        if operation.streams:
            return await operation.carry_out(request, channel)
        if operation.completes:
            return await self._complete(operation, request)
        return await operation.carry_out(request)

    async def _complete(self, operation: Operation, request: Any) -> dict[str, Any]:
        outcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._tasks.create_task(_settle(outcome, operation.carry_out(request)))
        return await asyncio.shield(outcome)


async def _settle(outcome: asyncio.Future[dict[str, Any]], work: Awaitable[dict[str, Any]]) -> None:
    """Put result or error into the future, so that an error meets its listener and not the owner of the task."""
    try:
        outcome.set_result(await work)
    except Exception as error:  # noqa: BLE001 - handed on as it is
        outcome.set_exception(error)
        outcome.exception()  # seen, should nobody listen any more
