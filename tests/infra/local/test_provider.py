"""The provider as the engine meets it: over gRPC, started as a plugin, without the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2
from pydantic import BaseModel, Field

from infra.local.errors import LocalError
from infra.local.host.handlers import HANDLERS, Handler
from infra.local.provider import LocalProvider
from infra.local.specs import Spec

REPOSITORY = Path(__file__).resolve().parents[3]
URN = "urn:pulumi:local::anyon::anyon:local:Thing$anyon-local:index:Lamp::lamp"
DIFF = provider_pb2.DiffResponse


class LampSpec(Spec):
    room: str
    watts: int
    labels: dict[str, str] = Field(default_factory=dict)


class LampState(BaseModel):
    lit: bool


class Lamps:
    """A host with lamps instead of services."""

    def __init__(self) -> None:
        self.lit: dict[str, bool] = {}
        self.broken = False

    def apply(self, spec: LampSpec) -> LampState:
        if spec.room == "cellar":
            raise LocalError("There is no cellar", hint="Take another room.")
        self.lit[spec.room] = not self.broken
        if self.broken:
            raise LocalError("The lamp is broken", detail="crack", hint="Buy a new one.")
        return LampState(lit=True)

    def observe(self, spec: LampSpec) -> LampState | None:
        return LampState(lit=self.lit[spec.room]) if spec.room in self.lit else None

    def remove(self, spec: LampSpec) -> None:
        if self.broken:
            raise LocalError("The lamp is hot", hint="Wait.")
        self.lit.pop(spec.room, None)

    def handler(self) -> Handler:
        def drift(_spec: LampSpec, observed: dict[str, Any]) -> list[str]:
            return [] if observed.get("lit") else ["lit"]

        return Handler(LampSpec, self.apply, self.observe, self.remove, ("room",), drift)


@pytest.fixture
def lamps() -> Lamps:
    return Lamps()


@pytest.fixture
def provider(lamps: Lamps) -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    servicer = LocalProvider({"anyon-local:index:Lamp": lamps.handler()})
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def struct(**values: Any) -> Any:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def diff(provider: Any, old: dict[str, Any], new: dict[str, Any], **state: Any) -> Any:
    request = provider_pb2.DiffRequest(
        id="x", urn=URN, olds=struct(**old, **state), news=struct(**new), old_inputs=struct(**old)
    )
    return provider.Diff(request)


def test_inputs_are_checked_by_name_and_type(provider: Any) -> None:
    good = provider.Check(provider_pb2.CheckRequest(urn=URN, news=struct(room="hall", watts=40)))
    assert not good.failures
    bad = provider.Check(provider_pb2.CheckRequest(urn=URN, news=struct(room=1, wats=40)))
    assert {failure.property for failure in bad.failures} == {"room", "watts", "wats"}


def test_equal_inputs_and_a_good_state_are_no_change(provider: Any) -> None:
    answer = diff(provider, {"room": "hall", "watts": 40}, {"room": "hall", "watts": 40}, lit=True)
    assert answer.changes == DIFF.DIFF_NONE


def test_a_changed_input_is_an_update_and_names_the_entry(provider: Any) -> None:
    old, new = {"room": "hall", "watts": 40}, {"room": "hall", "watts": 60}
    answer = diff(provider, old | {"labels": {"a": "1", "b": "1"}}, new | {"labels": {"a": "2", "b": "1"}}, lit=True)
    assert answer.changes == DIFF.DIFF_SOME
    assert set(answer.detailedDiff) == {"watts", "labels.a"}
    assert not answer.replaces


def test_another_identity_is_a_replacement_that_deletes_first(provider: Any) -> None:
    answer = diff(provider, {"room": "hall", "watts": 40}, {"room": "attic", "watts": 40}, lit=True)
    assert list(answer.replaces) == ["room"]
    assert answer.deleteBeforeReplace


def test_an_observed_fault_is_a_change_too(provider: Any) -> None:
    inputs = {"room": "hall", "watts": 40}
    for state in ({"lit": False}, {}):
        answer = diff(provider, inputs, inputs, **state)
        assert answer.changes == DIFF.DIFF_SOME
        assert not answer.detailedDiff["lit"].inputDiff


def test_what_is_created_is_read_back_and_deleted(provider: Any) -> None:
    inputs = struct(room="hall", watts=40)
    made = provider.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    assert made.id == "hall"
    assert set(made.properties) == {"room", "watts", "lit"}
    read = provider.Read(provider_pb2.ReadRequest(id="hall", urn=URN, inputs=inputs))
    assert read.id == "hall"
    assert read.properties["lit"]
    provider.Delete(provider_pb2.DeleteRequest(id="hall", urn=URN, old_inputs=inputs))
    assert provider.Read(provider_pb2.ReadRequest(id="hall", urn=URN, inputs=inputs)).id == ""


def test_an_update_answers_with_the_new_state(provider: Any) -> None:
    answer = provider.Update(provider_pb2.UpdateRequest(id="hall", urn=URN, news=struct(room="hall", watts=60)))
    assert answer.properties["watts"] == 60
    assert answer.properties["lit"]


def test_what_is_made_but_not_well_stays_in_the_engines_state(provider: Any, lamps: Lamps) -> None:
    lamps.broken = True
    with pytest.raises(grpc.RpcError) as caught:
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(room="hall", watts=40)))
    metadata = dict(caught.value.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    failure = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failure)
    assert failure.id == "hall"
    assert not failure.properties["lit"]
    assert list(failure.reasons) == ["The lamp is broken\ncrack\nBuy a new one."]


def test_what_could_not_be_made_at_all_is_a_plain_error(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(room="cellar", watts=40)))
    assert caught.value.details() == "There is no cellar\nTake another room."


def test_a_failed_deletion_says_why(provider: Any, lamps: Lamps) -> None:
    lamps.broken = True
    with pytest.raises(grpc.RpcError) as caught:
        provider.Delete(provider_pb2.DeleteRequest(urn=URN, old_inputs=struct(room="hall", watts=40)))
    assert caught.value.details() == "The lamp is hot\nWait."


def test_an_import_is_refused(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.Read(provider_pb2.ReadRequest(id="hall", urn=URN))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_the_plugin_starts_by_its_folder_and_answers(tmp_path: Path) -> None:
    command = [sys.executable, "infra/local/plugin", "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(plugin.stdout.readline())}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                urn = URN.replace("Lamp", "Folder")
                request = provider_pb2.CreateRequest(urn=urn, properties=struct(path=str(tmp_path / "data")))
                assert stub.Create(request).id == str(tmp_path / "data")
                assert not stub.Configure(provider_pb2.ConfigureRequest()).acceptSecrets
                assert stub.CheckConfig(provider_pb2.CheckRequest(news=struct(version="1"))).inputs["version"] == "1"
                assert stub.DiffConfig(provider_pb2.DiffRequest()).changes == DIFF.DIFF_NONE
        finally:
            plugin.terminate()
    assert (tmp_path / "data").is_dir()


def test_every_handler_names_fields_that_exist() -> None:
    for handler in HANDLERS.values():
        assert set(handler.identity) <= handler.spec.model_fields.keys()
