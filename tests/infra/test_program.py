from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pulumi import ComponentResource
from pydantic import SecretStr

from infra.config.local import DatabaseEngine, LocalConfig
from infra.local.compute import Compute, ComputeArgs
from infra.local.database import Database, DatabaseArgs
from infra.local.plan import plan_of
from infra.local.storage import Storage, StorageArgs
from infra.program import build
from tests.infra.inventory import REPOSITORY, STACKS, describe, inventory, path_of
from tests.infra.recorder import Recording, Resource, Secret, record

STATEFUL = {"anyon-local:index:Folder", "anyon-local:index:Database"}


@pytest.fixture
def recording(local_config: LocalConfig) -> Recording:
    return record(lambda: build(local_config))


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_declares_what_its_inventory_shows(stack: str) -> None:
    golden = yaml.safe_load(path_of(stack).read_text())
    assert inventory(stack) == golden, "after a wanted change: python -m tests.infra.inventory"


def test_two_evaluations_declare_the_same(local_config: LocalConfig) -> None:
    assert describe(record(lambda: build(local_config))) == describe(record(lambda: build(local_config)))


def test_every_resource_that_holds_data_outlives_its_stack(recording: Recording) -> None:
    holders = [resource for resource in recording.resources if resource.type in STATEFUL]
    assert len(holders) == 2
    assert all(resource.retain_on_delete for resource in holders)


def test_protection_of_data_is_the_stacks_choice(local_config: LocalConfig) -> None:
    protected = record(lambda: build(replace(local_config, protect_data=True)))
    assert {resource.type for resource in protected.resources if resource.protect} == STATEFUL


def test_the_service_comes_after_the_database_and_the_database_after_the_folder(recording: Recording) -> None:
    assert "storage-folder" in recording.named("database").depends_on
    assert "database-sqlite" in recording.named("compute").depends_on


def test_the_address_of_postgresql_is_secret_wherever_it_appears(local_config: LocalConfig) -> None:
    url = "postgresql://anyon:hunter2@db.example:5433/anyon"
    config = replace(local_config, database=DatabaseEngine.POSTGRESQL, database_url=SecretStr(url))
    recording = record(lambda: build(config))
    assert recording.named("database-postgresql").inputs["url"] == Secret(url)
    assert recording.named("compute-service").inputs["secret_environment"] == Secret({"ANYON_DATABASE_URL": url})
    shown = [resource.inputs for resource in recording.resources]
    assert "hunter2" not in repr(_without_secrets(shown))
    assert recording.named("database-postgresql").inputs["location"] == "db.example:5433/anyon"


@pytest.mark.parametrize("component", ["storage", "database", "compute"])
def test_components_keep_their_contract(local_config: LocalConfig, component: str) -> None:
    plan = plan_of(local_config)

    def program() -> None:
        makers: dict[str, Callable[[], ComponentResource]] = {
            "storage": lambda: Storage("thing", StorageArgs(plan.folder, protect=True)),
            "database": lambda: Database("thing", DatabaseArgs(plan.database, protect=True)),
            "compute": lambda: Compute("thing", ComputeArgs(plan.service)),
        }
        made = makers[component]()
        published.update(name for name in vars(made) if name in type(made).__annotations__)

    published: set[str] = set()
    recording = record(program)
    parent, *children = recording.resources
    assert parent.type == f"anyon:local:{component.capitalize()}"
    assert children
    assert all(_is_plain_child(child, parent) for child in children)
    assert published
    assert set(recording.outputs["thing"]) <= published  # an output that is unknown under the recorder is left out


def test_evaluating_the_program_loads_no_cloud_sdk() -> None:
    script = (
        "import sys; from tests.infra.inventory import inventory; inventory('local');"
        "print([name for name in sys.modules if name in {'pulumi_gcp', 'pulumi_aws', 'pulumi_kubernetes', 'psycopg'}])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True, env=_environment()
    )
    assert answer.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(REPOSITORY) / "app")}


def _is_plain_child(child: Resource, parent: Resource) -> bool:
    return child.parent == parent.name and child.name.startswith("thing-") and child.aliases == 0


def _without_secrets(value: object) -> object:
    match value:
        case Secret():
            return None
        case dict():
            return {key: _without_secrets(item) for key, item in value.items()}
        case list():
            return [_without_secrets(item) for item in value]
        case _:
            return value
