"""The Pulumi provider of the local stack: translates the engine's questions into calls of `handlers`, nothing more."""
# ruff: noqa: ARG002, N802  # names and arguments of the methods are the protocol's

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped] # it brings no types
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped] # it brings no types
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from pydantic import ValidationError

from infra.local import relay
from infra.local.errors import LocalError
from infra.local.host.handlers import HANDLERS, Handler
from infra.local.specs import Spec
from infra.versions import PROVIDER

_MESSAGE_BYTES = 64 * 1024 * 1024


class LocalProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One resource type for each entry of the table; see `provider.proto` for the engine's side of the contract."""

    def __init__(self, handlers: Mapping[str, Handler] = HANDLERS) -> None:
        self._handlers = handlers

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=PROVIDER)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        """Without secrets and previews of our own: the engine keeps secret what was secret, and previews by Diff."""
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=False, acceptResources=False)

    def Check(self, request: Any, context: Any) -> Any:
        inputs = _values(request.news)
        try:
            self._handler(request.urn).spec.model_validate(inputs)
        except ValidationError as error:
            failures = [
                provider_pb2.CheckFailure(property=".".join(map(str, problem["loc"])), reason=problem["msg"])
                for problem in error.errors(include_url=False, include_input=False)
            ]
            return provider_pb2.CheckResponse(inputs=request.news, failures=failures)
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        """Changed inputs, and whatever was observed that is not wanted."""
        handler = self._handler(request.urn)
        before, after, state = _values(request.old_inputs), _values(request.news), _values(request.olds)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        observed = {name: value for name, value in state.items() if name not in handler.spec.model_fields}
        drift = handler.drift(handler.spec.model_validate(after), observed)
        replaces = [name for name in changed if name in handler.identity]
        kinds = provider_pb2.PropertyDiff
        detailed = {
            path: kinds(kind=kinds.UPDATE_REPLACE if name in replaces else kinds.UPDATE, inputDiff=True)
            for name in changed
            for path in _changed_paths(name, before.get(name), after.get(name))
        }
        detailed |= {name: kinds(kind=kinds.UPDATE, inputDiff=False) for name in drift}
        some = provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some,
            replaces=replaces,
            diffs=[*changed, *drift],
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=True,  # two services cannot hold one port
        )

    def Create(self, request: Any, context: Any) -> Any:
        handler, inputs = self._handler(request.urn), _values(request.properties)
        properties = self._apply(handler, inputs, context)
        return provider_pb2.CreateResponse(id=_id(handler, inputs), properties=properties)

    def Update(self, request: Any, context: Any) -> Any:
        handler, inputs = self._handler(request.urn), _values(request.news)
        return provider_pb2.UpdateResponse(properties=self._apply(handler, inputs, context))

    def Read(self, request: Any, context: Any) -> Any:
        handler, inputs = self._handler(request.urn), _values(request.inputs)
        if not inputs:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Nothing to import: `pulumi up` takes over what is there.")
        observed = handler.observe(handler.spec.model_validate(inputs))
        if observed is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, inputs=request.inputs, properties=_struct(inputs | observed.model_dump())
        )

    def Delete(self, request: Any, context: Any) -> Any:
        handler = self._handler(request.urn)
        try:
            handler.remove(_spec_of(handler, _values(request.old_inputs)))
        except LocalError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Every wait of the handlers has its deadline."""
        return empty_pb2.Empty()

    def _handler(self, urn: str) -> Handler:
        return self._handlers[urn.split("::")[2].rpartition("$")[2]]

    def _apply(self, handler: Handler, inputs: dict[str, Any], context: Any) -> Any:
        spec = _spec_of(handler, inputs)
        try:
            return _struct(inputs | handler.apply(spec).model_dump())
        except LocalError as error:
            observed = handler.observe(spec)
            if observed is not None:
                properties = inputs | observed.model_dump()
                context.abort_with_status(_HalfMade(error, _id(handler, inputs), inputs, properties))
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def serve() -> None:
    """Answer on a free port of the loopback interface until the engine ends this process."""
    limits = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=limits)
    address = os.environ.get(relay.VARIABLE)
    provider = LocalProvider(relay.handlers(HANDLERS, address)) if address else LocalProvider()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _changed_paths(name: str, before: Any, after: Any) -> list[str]:
    """`["environment.ANYON_PORT"]` for a changed entry of a mapping, otherwise the name itself."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [f"{name}.{key}" for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [name]


def _spec_of(handler: Handler, inputs: dict[str, Any]) -> Spec:
    return handler.spec.model_validate(inputs)


def _id(handler: Handler, inputs: dict[str, Any]) -> str:
    return ":".join(str(inputs[name]) for name in handler.identity)


def _values(properties: Any) -> dict[str, Any]:
    values: dict[str, Any] = rpc.deserialize_properties(properties)
    return {name: decode(value) for name, value in values.items()}


def decode(value: Any) -> Any:
    """The protocol knows floating point numbers only; no field of ours tells 8080 from 8080.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _struct(values: dict[str, Any]) -> Any:
    struct = struct_pb2.Struct()
    struct.update({name: value for name, value in values.items() if value is not None})
    return struct


class _HalfMade(grpc.Status):  # type: ignore[misc]  # untyped
    """The resource exists but is not well: the engine keeps its state, and the next `up` tries again."""

    def __init__(self, error: LocalError, identity: str, inputs: dict[str, Any], properties: dict[str, Any]) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = str(error)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        failure = provider_pb2.ErrorResourceInitFailed(
            id=identity, inputs=_struct(inputs), properties=_struct(properties), reasons=[str(error)]
        )
        status.details.add().Pack(failure)
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)
