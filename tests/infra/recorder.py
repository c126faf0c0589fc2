"""Builds a program without the engine and keeps what it asked for: inputs, options, outputs.

Stricter than the SDK's mocks, which know no schema: a resource type that nobody described, an unknown field, a wrong
type or a missing input is an error, and so are two resources of one type and name.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.sync_await import _ensure_event_loop
from pydantic import BaseModel, ValidationError

from infra.local.host.handlers import HANDLERS
from infra.local.provider import decode

_STACK = "pulumi:pulumi:Stack"
_SECRET = "4dabf18193072939515e22adb298388d"  # the SDK's sign for a special value
SCHEMAS: Mapping[str, type[BaseModel]] = {token: handler.spec for token, handler in HANDLERS.items()}


class ProgramInvalid(AssertionError):
    """The engine or a provider would refuse this program."""


@dataclass(frozen=True)
class Secret:
    value: Any


@dataclass(frozen=True)
class Resource:
    """One registration. `parent` and `depends_on` are logical names; the stack itself is the parent ''."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    custom: bool
    protect: bool
    retain_on_delete: bool
    depends_on: list[str]
    ignore_changes: list[str]
    aliases: int


@dataclass
class Recording:
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each component and the stack ('') registered."""

    def named(self, name: str) -> Resource:
        return next(resource for resource in self.resources if resource.name == name)

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(resource.type for resource in self.resources).items()))


class _Echo(mocks.Mocks):
    """Outputs are the inputs."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise ProgramInvalid(f"{args.token} is called while the program is evaluated")


class _Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Echo())
        self.recording = Recording()
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self._urns: set[str] = set()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the protocol's name
        self._keep_loop()
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == _STACK:
            return response
        if response.urn in self._urns:
            raise ProgramInvalid(f"two resources have the name {request.name} and the type {request.type}")
        self._urns.add(response.urn)
        inputs = _plain(rpc.deserialize_properties(request.object, keep_unknowns=True))
        if request.custom:
            _check(request.type, request.name, inputs)
        self.recording.resources.append(
            Resource(
                type=request.type,
                name=request.name,
                parent=_name(request.parent),
                inputs=inputs,
                custom=request.custom,
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                depends_on=sorted(_name(urn) for urn in request.dependencies),
                ignore_changes=list(request.ignoreChanges),
                aliases=len(request.aliases) + len(request.aliasURNs),
            )
        )
        return response

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        self._keep_loop()
        return super().Invoke(request)  # type: ignore[no-untyped-call]

    def _keep_loop(self) -> None:
        """The SDK makes an event loop in every worker thread and closes none."""
        _ensure_event_loop()  # type: ignore[no-untyped-call]
        self.loops.add(asyncio.get_event_loop_policy().get_event_loop())

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        outputs = _plain(rpc.deserialize_properties(request.outputs, keep_unknowns=True))
        self.recording.outputs[_name(request.urn)] = outputs
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def record(program: Callable[[], None], stack: str = "local") -> Recording:
    """Run the program in a thread of its own: the SDK keeps its state per thread, so nothing reaches the next test."""
    monitor = _Monitor()
    failures: list[BaseException] = []

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # the first failure is raised below; the SDK's tasks repeat it
        asyncio.set_event_loop(loop)
        try:
            mocks.set_mocks(_Echo(), project="anyon", stack=stack, preview=False, monitor=monitor)
            pulumi.runtime.test(lambda: _evaluate(program, monitor.recording))()  # type: ignore[no-untyped-call]
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            failures.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            for used in monitor.loops | {loop}:
                used.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return monitor.recording


def _evaluate(program: Callable[[], None], recording: Recording) -> pulumi.Output[None]:
    program()
    exports: dict[str, Any] = getattr(get_root_resource(), "outputs", {})

    def keep(values: dict[str, Any]) -> None:
        recording.outputs[""] = values

    return pulumi.Output.all(**exports).apply(keep)


def _check(token: str, name: str, inputs: dict[str, Any]) -> None:
    if token not in SCHEMAS:
        raise ProgramInvalid(f"{name}: no schema describes {token}")
    try:
        SCHEMAS[token].model_validate(_reveal(inputs))
    except ValidationError as error:
        raise ProgramInvalid(f"{name}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and _SECRET in value:
        return Secret(_plain(value["value"]))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return decode(value)


def _reveal(inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Secret) else value for key, value in inputs.items()}


def _name(urn: str) -> str:
    """Logical name; '' for the stack and for no parent at all."""
    return "" if not urn or urn.split("::")[2] == _STACK else urn.rsplit("::", maxsplit=1)[-1]
